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
        Assert.Equal(
            parameter, Assert.Throws<ArgumentOutOfRangeException>(
                () => new PagePool(pages, pageSize, new SimulatedMemory(1, 1))).ParamName);

    [Fact]
    public void APageIsTakenWhenTheLastOneIsFull()
    {
        TestPool test = new(4, 3);
        SequenceHandle sequence = test.With(1, 2);
        int first = Assert.Single(test.Pages(sequence));
        Assert.True(test.TryAppend(sequence, 3));
        Assert.Equal([first], test.Pages(sequence));
        Assert.True(test.TryAppend(sequence, 4, 5, 6, 7));
        Assert.Equal(3, test.Pages(sequence).Distinct().Count());
        Assert.Equal(7, test.Pool.GetLength(sequence));
        Assert.Equal([1, 2, 3, 4, 5, 6, 7], test.Read(sequence));
        Assert.Equal(new PagePoolStatistics(Free: 1, Cached: 0, Used: 3, Shared: 0, Saved: 0), test.Pool.Statistics);
        Assert.Empty(test.Memory.Copies);
    }

    [Fact]
    public void WithoutEnoughPagesNothingHappens()
    {
        TestPool test = new(4, 2);
        SequenceHandle a = test.With(1, 2, 3);
        SequenceHandle b = test.With(4);
        int[] pages = test.Pages(a);
        PagePoolStatistics before = test.Pool.Statistics;
        Assert.False(test.Pool.TryReserve(a, 4));
        Assert.Equal(before, test.Pool.Statistics);
        Assert.Equal(pages, test.Pages(a));
        Assert.Equal(3, test.Pool.GetLength(a));
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
        SequenceHandle sequence = test.With(1);
        Assert.True(test.Pool.TryReserve(sequence, 0));
        Assert.Equal(1, test.Pool.GetLength(sequence));
    }

    [Fact]
    public void LengthsDoNotOverflow()
    {
        TestPool test = new(2, 256);
        SequenceHandle sequence = test.With(1);
        Assert.False(test.Pool.TryReserve(sequence, int.MaxValue));
        Assert.False(test.Pool.TryReserve(sequence, int.MaxValue - 1));
        Assert.Equal(1, test.Pool.GetLength(sequence));
    }

    [Fact]
    public void TheLargestPoolHasItsLastSlotAtTheLastInt()
    {
        PagePool pool = new(1 << 23, 256, new SimulatedMemory(1, 1));
        SequenceHandle large = pool.AddSequence();
        SequenceHandle small = pool.AddSequence();
        Assert.True(pool.TryReserve(large, int.MaxValue - 255));
        Assert.True(pool.TryReserve(small, 256));
        Assert.False(pool.TryReserve(small, 1));
        Assert.Equal(int.MaxValue, pool.Slots.GetSlot(small, 255));
        Assert.Equal(int.MaxValue - 256, pool.Slots.GetSlot(large, pool.GetLength(large) - 1));
        Assert.Equal(0, pool.Statistics.Available);
    }

    [Fact]
    public void TruncationGivesPagesBack()
    {
        TestPool test = new(3, 2);
        SequenceHandle sequence = test.With(1, 2, 3, 4, 5);
        int[] pages = test.Pages(sequence);
        test.Pool.Truncate(sequence, 3);
        Assert.Equal(pages[..2], test.Pages(sequence));
        Assert.Equal(1, test.Pool.Statistics.Free);
        Assert.True(test.TryAppend(sequence, 6, 7));
        Assert.Equal([1, 2, 3, 6, 7], test.Read(sequence));
        test.Pool.Truncate(sequence, 0);
        Assert.Equal(3, test.Pool.Statistics.Free);
        Assert.Empty(test.Pages(sequence));
        Assert.True(test.Pool.Contains(sequence));
    }

    [Fact]
    public void HandlesOfReleasedSequencesAreOfNone()
    {
        TestPool test = new(4, 2);
        SequenceHandle first = test.With(1, 2), gone = test.With(3), last = test.Pool.AddSequence();
        Assert.Equal((0, 1, 2), (first.Index, gone.Index, last.Index));
        test.Pool.Release(gone);
        Assert.False(test.Pool.Contains(gone));
        Check();

        // Its place is used again, and again, and it stays gone.
        for (int round = 0; round < 3; round++)
        {
            SequenceHandle later = test.With(4);
            Assert.Equal(gone.Index, later.Index);
            Assert.NotEqual(gone, later);
            Check();
            Assert.Equal([4], test.Read(later));
            Assert.Equal(2, test.Pool.Statistics.Free);
            test.Pool.Release(later);
        }

        void Check()
        {
            Assert.False(test.Pool.Contains(gone));
            Action[] uses =
            [
                () => test.Pool.TryReserve(gone, 1), () => test.Pool.Slots.GetSlot(gone, 0), () => test.Pool.Release(gone),
                () => test.Pool.Truncate(gone, 0),
                () => test.Pool.GetLength(gone), () => test.Pool.GetPages(gone).ToString(), () => test.Pool.Fork(gone),
                () => test.Pool.Publish(gone, []),
                () => test.Pool.AdoptPrefix(gone, []), () => test.Pool.SwapOut(gone), () => test.Pool.TrySwapIn(gone),
                () => test.Pool.IsSwappedOut(gone),
                () => test.Pool.GetChangedAt(gone),
            ];
            Assert.All(
                uses, use => Assert.Contains(
                    "released", Assert.Throws<ArgumentOutOfRangeException>("sequence", use).Message, StringComparison.Ordinal));
        }
    }

    [Fact]
    public void HandlesAreOfOnePool()
    {
        TestPool test = new(4, 2), other = new(4, 2);
        SequenceHandle here = test.With(1, 2), there = other.With(3);
        Assert.Equal(here.Index, there.Index);
        Assert.Throws<ArgumentOutOfRangeException>("sequence", () => test.Pool.GetLength(there));
        Assert.Throws<ArgumentOutOfRangeException>("sequence", () => test.Pool.GetLength(default));
        Assert.Throws<ArgumentOutOfRangeException>("sequence", () => test.Pool.GetLength(SequenceHandle.Create(0)));
    }

    [Fact]
    public void ChangesTellWhichPlansHold()
    {
        TestPool test = new(8, 2);
        PagePool pool = test.Pool;
        SequenceHandle a = test.With(1, 2, 3), b = test.With(4, 5);
        Assert.Equal((0, 0, 0), (pool.Changes, pool.GetChangedAt(a), pool.GetChangedAt(b)));

        // Growing changes nothing, but where a page gives way to a copy.
        Assert.True(test.TryAppend(a, 6, 7));
        pool.Truncate(a, 5);
        Assert.Equal(0, pool.Changes);
        SequenceHandle fork = pool.Fork(a);
        Assert.Equal(0, pool.Changes);
        Assert.True(test.TryAppend(fork, 8));
        Assert.Equal((1, 0, 1), (pool.Changes, pool.GetChangedAt(a), pool.GetChangedAt(fork)));
        pool.Truncate(a, 4);
        Assert.Equal((2, 2, 1), (pool.Changes, pool.GetChangedAt(a), pool.GetChangedAt(fork)));
        pool.SwapOut(a);
        Assert.True(pool.TrySwapIn(a));
        Assert.Equal((3, 3), (pool.Changes, pool.GetChangedAt(a)));
        pool.Release(fork);
        Assert.Equal((4, 3, 0), (pool.Changes, pool.GetChangedAt(a), pool.GetChangedAt(b)));

        // A page that another sequence published takes the place of this one's.
        SequenceHandle c = test.With(4, 5);
        pool.Publish(b, [4, 5]);
        Assert.Equal(4, pool.Changes);
        pool.Publish(c, [4, 5]);
        Assert.Equal((5, 5, 0), (pool.Changes, pool.GetChangedAt(c), pool.GetChangedAt(b)));
    }

    [Fact]
    public void BadArgumentsAreNamed()
    {
        TestPool test = new(4, 2);
        SequenceHandle sequence = test.With(1, 2, 3);
        SequenceHandle gone = test.Pool.AddSequence();
        test.Pool.Release(gone);
        Assert.Equal("tokens", Assert.Throws<ArgumentOutOfRangeException>(() => test.Pool.TryReserve(sequence, -1)).ParamName);
        Assert.Equal("length", Assert.Throws<ArgumentOutOfRangeException>(() => test.Pool.Truncate(sequence, 4)).ParamName);
        Assert.Equal("length", Assert.Throws<ArgumentOutOfRangeException>(() => test.Pool.Truncate(sequence, -1)).ParamName);
        Assert.Equal("position", Assert.Throws<ArgumentOutOfRangeException>(() => test.Pool.Slots.GetSlot(sequence, 3)).ParamName);
        Assert.Equal("position", Assert.Throws<ArgumentOutOfRangeException>(() => test.Pool.Slots.GetSlot(sequence, -1)).ParamName);
        Assert.Equal("page", Assert.Throws<ArgumentOutOfRangeException>(() => test.Pool.GetReferenceCount(4)).ParamName);
        foreach (SequenceHandle missing in (SequenceHandle[])[gone, default, SequenceHandle.Create(99)])
        {
            Assert.Equal("sequence", Assert.Throws<ArgumentOutOfRangeException>(() => test.Pool.TryReserve(missing, 1)).ParamName);
            Assert.Equal("sequence", Assert.Throws<ArgumentOutOfRangeException>(() => test.Pool.GetLength(missing)).ParamName);
            Assert.Equal("sequence", Assert.Throws<ArgumentOutOfRangeException>(() => test.Pool.GetPages(missing).Length).ParamName);
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
        SequenceHandle[] sequences = [.. Enumerable.Range(0, Sequences).Select(_ => pool.AddSequence())];
        bool all = Decode();
        long before = GC.GetAllocatedBytesForCurrentThread();
        all &= Decode();
        long bytes = GC.GetAllocatedBytesForCurrentThread() - before;
        Assert.True(all);
        Assert.Equal(0, bytes);

        bool Decode()
        {
            bool fits = true;
            foreach (SequenceHandle sequence in sequences)
            {
                pool.Truncate(sequence, 0);
            }

            for (int token = 0; token < Tokens; token++)
            {
                foreach (SequenceHandle sequence in sequences)
                {
                    fits &= pool.TryReserve(sequence, 1) && pool.Slots.GetSlot(sequence, token) >= 0;
                }
            }

            return fits;
        }
    }
}
