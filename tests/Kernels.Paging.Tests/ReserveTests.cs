using Kernels.Paging.Tests.Histories;

namespace Kernels.Paging.Tests;

public sealed class ReserveTests
{
    [Theory]
    [InlineData(0, 16, "pages")]
    [InlineData(-1, 16, "pages")]
    [InlineData(8, 0, "pageSize")]
    [InlineData(8, 257, "pageSize")]
    [InlineData((1 << 23) + 1, 256, "pages")]
    public void NumbersOutOfRangeAreNamed(int pages, int pageSize, string parameter) =>
        Assert.Equal(parameter, Assert.Throws<ArgumentOutOfRangeException>(() => new PagePool(pages, pageSize, new SimulatedMemory(1, 1))).ParamName);

    [Fact]
    public void APageIsTakenWhenTheLastOneIsFull()
    {
        TestPool test = new(4, 3);
        int sequence = test.With(1, 2);
        int first = Assert.Single(test.Pages(sequence));
        Assert.True(test.TryAppend(sequence, 3));
        Assert.Equal([first], test.Pages(sequence));
        Assert.True(test.TryAppend(sequence, 4, 5, 6, 7));
        Assert.Equal(3, test.Pages(sequence).Distinct().Count());
        Assert.Equal(7, test.Pool.Length(sequence));
        Assert.Equal([1, 2, 3, 4, 5, 6, 7], test.Read(sequence));
        Assert.Equal(new PagePoolStatistics(Free: 1, Cached: 0, Used: 3, Shared: 0, Saved: 0), test.Pool.Statistics);
        Assert.Empty(test.Memory.Copies);
    }

    [Fact]
    public void WithoutEnoughPagesNothingHappens()
    {
        TestPool test = new(4, 2);
        int a = test.With(1, 2, 3);
        int b = test.With(4);
        int[] pages = test.Pages(a);
        PagePoolStatistics before = test.Pool.Statistics;
        Assert.False(test.Pool.TryReserve(a, 4));
        Assert.Equal(before, test.Pool.Statistics);
        Assert.Equal(pages, test.Pages(a));
        Assert.Equal(3, test.Pool.Length(a));
        Assert.True(test.TryAppend(a, 5, 6, 7));
        Assert.False(test.Pool.TryReserve(a, 1));
        Assert.True(test.TryAppend(b, 8));
        Assert.False(test.Pool.TryReserve(b, 1));
        Assert.Equal([1, 2, 3, 5, 6, 7], test.Read(a));
        Assert.Equal([4, 8], test.Read(b));
    }

    [Fact]
    public void NoTokensAreAlwaysReserved()
    {
        TestPool test = new(1, 1);
        int sequence = test.With(1);
        Assert.True(test.Pool.TryReserve(sequence, 0));
        Assert.Equal(1, test.Pool.Length(sequence));
    }

    [Fact]
    public void LengthsDoNotOverflow()
    {
        TestPool test = new(2, 256);
        int sequence = test.With(1);
        Assert.False(test.Pool.TryReserve(sequence, int.MaxValue));
        Assert.False(test.Pool.TryReserve(sequence, int.MaxValue - 1));
        Assert.Equal(1, test.Pool.Length(sequence));
    }

    [Fact]
    public void TheLargestPoolHasItsLastSlotAtTheLastInt()
    {
        PagePool pool = new(1 << 23, 256, new SimulatedMemory(1, 1));
        int large = pool.Create();
        int small = pool.Create();
        Assert.True(pool.TryReserve(large, int.MaxValue - 255));
        Assert.True(pool.TryReserve(small, 256));
        Assert.False(pool.TryReserve(small, 1));
        Assert.Equal(int.MaxValue, pool.Slots.SlotOf(small, 255));
        Assert.Equal(int.MaxValue - 256, pool.Slots.SlotOf(large, pool.Length(large) - 1));
        Assert.Equal(0, pool.Statistics.Available);
    }

    [Fact]
    public void TruncationGivesPagesBack()
    {
        TestPool test = new(3, 2);
        int sequence = test.With(1, 2, 3, 4, 5);
        int[] pages = test.Pages(sequence);
        test.Pool.Truncate(sequence, 3);
        Assert.Equal(pages[..2], test.Pages(sequence));
        Assert.Equal(1, test.Pool.Statistics.Free);
        Assert.True(test.TryAppend(sequence, 6, 7));
        Assert.Equal([1, 2, 3, 6, 7], test.Read(sequence));
        test.Pool.Truncate(sequence, 0);
        Assert.Equal(3, test.Pool.Statistics.Free);
        Assert.Empty(test.Pages(sequence));
        Assert.True(test.Pool.Exists(sequence));
    }

    [Fact]
    public void NumbersOfReleasedSequencesAreNot()
    {
        TestPool test = new(4, 2);
        Assert.Equal(0, test.With(1, 2));
        Assert.Equal(1, test.With(3));
        Assert.Equal(2, test.Pool.Create());
        test.Pool.Release(1);
        Assert.False(test.Pool.Exists(1));
        Assert.Equal(3, test.With(4));
        Assert.False(test.Pool.Exists(1));
        Assert.Throws<ArgumentOutOfRangeException>("sequence", () => test.Pool.TryReserve(1, 1));
        Assert.Throws<ArgumentOutOfRangeException>("sequence", () => test.Pool.Slots.SlotOf(1, 0));
        Assert.Throws<ArgumentOutOfRangeException>("sequence", () => test.Pool.Release(1));
        Assert.Equal([4], test.Read(3));

        // Its place is used again.
        Assert.Equal((0, 1, 2), (test.Pool.IndexOf(0), test.Pool.IndexOf(3), test.Pool.IndexOf(2)));
        Assert.Equal(2, test.Pool.Statistics.Free);
    }

    [Fact]
    public void NumbersBeginAgainAfterTheLastAndLeaveOutThoseInUse()
    {
        TestPool test = new(8, 2);
        test.Pool.ContinueAt(int.MaxValue - 1);
        Assert.Equal((int.MaxValue - 1, int.MaxValue, 0), (test.With(1), test.With(2), test.With(3)));
        Assert.Equal(1, test.With(4));
        Assert.Equal([2], test.Read(int.MaxValue));
        Assert.Equal([3], test.Read(0));

        // Once around, as after 2^31 sequences that came and went.
        test.Pool.Release(0);
        test.Pool.ContinueAt(int.MaxValue - 1);
        Assert.Equal((0, 2), (test.With(5), test.With(6)));
        Assert.Equal("1 4 5", $"{test.Read(int.MaxValue - 1)[0]} {test.Read(1)[0]} {test.Read(0)[0]}");
    }

    [Fact]
    public void ChangesTellWhichPlansHold()
    {
        TestPool test = new(8, 2);
        PagePool pool = test.Pool;
        int a = test.With(1, 2, 3), b = test.With(4, 5);
        Assert.Equal((0, 0, 0), (pool.Changes, pool.ChangedAt(a), pool.ChangedAt(b)));

        // Growing changes nothing, but where a page gives way to a copy.
        Assert.True(test.TryAppend(a, 6, 7));
        pool.Truncate(a, 5);
        Assert.Equal(0, pool.Changes);
        int fork = pool.Fork(a);
        Assert.Equal(0, pool.Changes);
        Assert.True(test.TryAppend(fork, 8));
        Assert.Equal((1, 0, 1), (pool.Changes, pool.ChangedAt(a), pool.ChangedAt(fork)));
        pool.Truncate(a, 4);
        Assert.Equal((2, 2, 1), (pool.Changes, pool.ChangedAt(a), pool.ChangedAt(fork)));
        pool.SwapOut(a);
        Assert.True(pool.TrySwapIn(a));
        Assert.Equal((3, 3), (pool.Changes, pool.ChangedAt(a)));
        pool.Release(fork);
        Assert.Equal((4, 3, 0), (pool.Changes, pool.ChangedAt(a), pool.ChangedAt(b)));

        // A page that another sequence published takes the place of this one's.
        int c = test.With(4, 5);
        pool.Publish(b, [4, 5]);
        Assert.Equal(4, pool.Changes);
        pool.Publish(c, [4, 5]);
        Assert.Equal((5, 5, 0), (pool.Changes, pool.ChangedAt(c), pool.ChangedAt(b)));
    }

    [Fact]
    public void BadArgumentsAreNamed()
    {
        TestPool test = new(4, 2);
        int sequence = test.With(1, 2, 3);
        int gone = test.Pool.Create();
        test.Pool.Release(gone);
        Assert.Equal("tokens", Assert.Throws<ArgumentOutOfRangeException>(() => test.Pool.TryReserve(sequence, -1)).ParamName);
        Assert.Equal("length", Assert.Throws<ArgumentOutOfRangeException>(() => test.Pool.Truncate(sequence, 4)).ParamName);
        Assert.Equal("length", Assert.Throws<ArgumentOutOfRangeException>(() => test.Pool.Truncate(sequence, -1)).ParamName);
        Assert.Equal("position", Assert.Throws<ArgumentOutOfRangeException>(() => test.Pool.Slots.SlotOf(sequence, 3)).ParamName);
        Assert.Equal("position", Assert.Throws<ArgumentOutOfRangeException>(() => test.Pool.Slots.SlotOf(sequence, -1)).ParamName);
        Assert.Equal("page", Assert.Throws<ArgumentOutOfRangeException>(() => test.Pool.ReferenceCount(4)).ParamName);
        foreach (int missing in (int[])[gone, -1, 99])
        {
            Assert.Equal("sequence", Assert.Throws<ArgumentOutOfRangeException>(() => test.Pool.TryReserve(missing, 1)).ParamName);
            Assert.Equal("sequence", Assert.Throws<ArgumentOutOfRangeException>(() => test.Pool.Length(missing)).ParamName);
            Assert.Equal("sequence", Assert.Throws<ArgumentOutOfRangeException>(() => test.Pool.PagesOf(missing).Length).ParamName);
            Assert.Equal("sequence", Assert.Throws<ArgumentOutOfRangeException>(() => test.Pool.Release(missing)).ParamName);
            Assert.Equal("sequence", Assert.Throws<ArgumentOutOfRangeException>(() => test.Pool.Fork(missing)).ParamName);
            Assert.Equal("sequence", Assert.Throws<ArgumentOutOfRangeException>(() => test.Pool.SwapOut(missing)).ParamName);
        }

        Assert.Equal([1, 2, 3], test.Read(sequence));
    }

    [Fact]
    public void ASteadyDecodeAllocatesNothing()
    {
        const int Sequences = 64;
        const int Tokens = 200;
        PagePool pool = new(Sequences * ((Tokens / 16) + 1), 16, new SimulatedMemory(1, 1));
        int[] sequences = [.. Enumerable.Range(0, Sequences).Select(_ => pool.Create())];
        bool all = Decode();
        long before = GC.GetAllocatedBytesForCurrentThread();
        all &= Decode();
        long bytes = GC.GetAllocatedBytesForCurrentThread() - before;
        Assert.True(all);
        Assert.Equal(0, bytes);

        bool Decode()
        {
            bool fits = true;
            foreach (int sequence in sequences)
            {
                pool.Truncate(sequence, 0);
            }

            for (int token = 0; token < Tokens; token++)
            {
                foreach (int sequence in sequences)
                {
                    fits &= pool.TryReserve(sequence, 1) && pool.Slots.SlotOf(sequence, token) >= 0;
                }
            }

            return fits;
        }
    }
}
