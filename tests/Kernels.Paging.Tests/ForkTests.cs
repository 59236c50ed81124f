using Kernels.Paging.Tests.Histories;

namespace Kernels.Paging.Tests;

public sealed class ForkTests
{
    [Fact]
    public void AForkSharesAllPages()
    {
        TestPool test = new(4, 2);
        SequenceHandle sequence = test.With(1, 2, 3);
        SequenceHandle fork = test.Pool.Fork(sequence);
        Assert.Equal(test.Pages(sequence), test.Pages(fork));
        Assert.Equal([1, 2, 3], test.Read(fork));
        Assert.Equal(new PagePoolStatistics(Free: 2, Cached: 0, Used: 2, Shared: 2, Saved: 0), test.Pool.Statistics);
        Assert.Equal(2, test.Pool.GetReferenceCount(test.Pages(fork)[0]));
        test.Pool.Release(sequence);
        Assert.Equal([1, 2, 3], test.Read(fork));
        Assert.Equal(0, test.Pool.Statistics.Shared);
        Assert.Empty(test.Memory.Copies);
    }

    [Fact]
    public void TheFirstToWriteIntoASharedPageCopiesItAndTheLastDoesNot()
    {
        TestPool test = new(4, 3);
        SequenceHandle sequence = test.With(1, 2, 3, 4);
        SequenceHandle fork = test.Pool.Fork(sequence);
        int shared = test.Pages(sequence)[1];
        Assert.True(test.TryAppend(fork, 5));
        int copy = test.Pages(fork)[1];
        Assert.Equal([(shared, copy)], test.Memory.Copies);
        Assert.True(test.TryAppend(sequence, 6));
        Assert.Single(test.Memory.Copies);
        Assert.Equal([1, 2, 3, 4, 6], test.Read(sequence));
        Assert.Equal([1, 2, 3, 4, 5], test.Read(fork));
        Assert.Equal(test.Pages(sequence)[0], test.Pages(fork)[0]);
        Assert.Equal(1, test.Pool.Statistics.Shared);
    }

    [Fact]
    public void FullPagesAreNeverCopied()
    {
        TestPool test = new(4, 2);
        SequenceHandle sequence = test.With(1, 2);
        SequenceHandle fork = test.Pool.Fork(sequence);
        Assert.True(test.TryAppend(sequence, 3));
        Assert.True(test.TryAppend(fork, 4));
        Assert.Empty(test.Memory.Copies);
        Assert.Equal([1, 2, 3], test.Read(sequence));
        Assert.Equal([1, 2, 4], test.Read(fork));
    }

    [Fact]
    public void WritingAfterATruncationIntoASharedPageCopiesIt()
    {
        TestPool test = new(4, 4);
        SequenceHandle sequence = test.With(1, 2, 3, 4, 5);
        SequenceHandle fork = test.Pool.Fork(sequence);
        test.Pool.Truncate(fork, 2);
        Assert.True(test.TryAppend(fork, 9));
        Assert.Equal([1, 2, 9], test.Read(fork));
        Assert.Equal([1, 2, 3, 4, 5], test.Read(sequence));
        Assert.Single(test.Memory.Copies);
    }

    [Fact]
    public void TheCopyTakesAPageThatMustBeThere()
    {
        TestPool test = new(2, 2);
        SequenceHandle sequence = test.With(1, 2, 3);
        SequenceHandle fork = test.Pool.Fork(sequence);
        PagePoolStatistics before = test.Pool.Statistics;
        Assert.False(test.Pool.TryReserve(fork, 1));
        Assert.Equal(before, test.Pool.Statistics);
        Assert.Equal([1, 2, 3], test.Read(fork));
        test.Pool.Release(sequence);
        Assert.True(test.TryAppend(fork, 4));
        Assert.Equal([1, 2, 3, 4], test.Read(fork));
        Assert.Empty(test.Memory.Copies);
    }

    [Fact]
    public void ACopyThatFailsChangesNothing()
    {
        TestPool test = new(4, 2);
        SequenceHandle sequence = test.With(1);
        SequenceHandle fork = test.Pool.Fork(sequence);
        PagePoolStatistics before = test.Pool.Statistics;
        test.Faults.Countdown = 0;
        Assert.Throws<InjectedFaultException>(() => test.Pool.TryReserve(fork, 5));
        Assert.Equal(before, test.Pool.Statistics);
        Assert.Equal(test.Pages(sequence), test.Pages(fork));
        Assert.Equal(1, test.Pool.GetLength(fork));
        test.Faults.Countdown = -1;
        Assert.True(test.TryAppend(fork, 2));
        Assert.Equal([1, 2], test.Read(fork));
    }

    [Fact]
    public void ForksOfForks()
    {
        TestPool test = new(8, 2);
        SequenceHandle root = test.With(1, 2, 3);
        SequenceHandle[] beams = [root, test.Pool.Fork(root), test.Pool.Fork(root)];
        SequenceHandle late = test.Pool.Fork(beams[2]);
        Assert.Equal(4, test.Pool.GetReferenceCount(test.Pages(late)[1]));
        for (int i = 0; i < beams.Length; i++)
        {
            Assert.True(test.TryAppend(beams[i], 10 + i));
        }

        Assert.Equal(3, test.Memory.Copies.Count);
        Assert.True(test.TryAppend(late, 99));
        Assert.Equal(3, test.Memory.Copies.Count);
        Assert.Equal([1, 2, 3, 11], test.Read(beams[1]));
        Assert.Equal([1, 2, 3, 99], test.Read(late));
        Assert.Equal(5, test.Pool.Statistics.Used);
    }
}
