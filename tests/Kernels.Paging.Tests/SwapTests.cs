using Kernels.Paging.Tests.Histories;

namespace Kernels.Paging.Tests;

public sealed class SwapTests
{
    [Fact]
    public void ASequenceGoesAndComesBack()
    {
        TestPool test = new(3, 2);
        SequenceHandle sequence = test.With(1, 2, 3);
        int[] pages = test.Pages(sequence);
        Assert.Equal(2, test.Pool.SwapOut(sequence));
        Assert.Equal(pages, test.Memory.Saves.Select(save => save.Page));
        Assert.True(test.Pool.IsSwappedOut(sequence));
        Assert.Equal(3, test.Pool.GetLength(sequence));
        Assert.Equal(new PagePoolStatistics(Free: 3, Cached: 0, Used: 0, Shared: 0, Saved: 2), test.Pool.Statistics);
        SequenceHandle other = test.With(9, 9, 9, 9, 9, 9);
        Assert.False(test.Pool.TrySwapIn(sequence));
        test.Pool.Truncate(other, 2);
        Assert.True(test.Pool.TrySwapIn(sequence));
        Assert.False(test.Pool.IsSwappedOut(sequence));
        Assert.Equal([1, 2, 3], test.Read(sequence));
        Assert.Equal(0, test.Pool.Statistics.Saved);
        Assert.True(test.TryAppend(sequence, 4));
        Assert.Equal([1, 2, 3, 4], test.Read(sequence));
    }

    [Fact]
    public void PagesThatOthersUseStay()
    {
        TestPool test = new(4, 2);
        SequenceHandle sequence = test.With(1, 2, 3);
        SequenceHandle fork = test.Pool.Fork(sequence);
        Assert.True(test.TryAppend(fork, 4));
        int shared = test.Pages(fork)[0];
        int own = test.Pages(sequence)[1];
        Assert.Equal(1, test.Pool.SwapOut(sequence));
        Assert.Equal(own, Assert.Single(test.Memory.Saves).Page);
        Assert.Equal(2, test.Pool.GetReferenceCount(shared));
        Assert.Equal([1, 2, 3, 4], test.Read(fork));
        Assert.True(test.Pool.TrySwapIn(sequence));
        Assert.Equal([1, 2, 3], test.Read(sequence));
        Assert.Equal(shared, test.Pages(sequence)[0]);
    }

    [Fact]
    public void PagesWhoseOtherUsersAreSwappedOutTooAreSavedOnceAndSharedAfterwards()
    {
        TestPool test = new(4, 2);
        SequenceHandle a = test.With(1, 2, 3, 4, 5);
        SequenceHandle b = test.Pool.Fork(a);
        Assert.Equal(0, test.Pool.SwapOut(a));
        Assert.Equal(3, test.Pool.SwapOut(b));
        Assert.Equal(new PagePoolStatistics(Free: 4, Cached: 0, Used: 0, Shared: 0, Saved: 3), test.Pool.Statistics);
        SequenceHandle other = test.With(9);
        Assert.True(test.Pool.TrySwapIn(a));
        Assert.Equal(0, test.Pool.Statistics.Saved);
        Assert.True(test.Pool.TrySwapIn(b));
        Assert.Equal(3, test.Memory.Loads.Count);
        Assert.Equal(test.Pages(a), test.Pages(b));
        Assert.Equal([1, 2, 3, 4, 5], test.Read(b));
        test.Pool.Release(other);
        Assert.True(test.TryAppend(b, 6));
        Assert.Equal([1, 2, 3, 4, 5], test.Read(a));
        Assert.Equal([1, 2, 3, 4, 5, 6], test.Read(b));
    }

    [Fact]
    public void PagesThatNobodyElseUsesAnyMoreAreSavedByASecondCall()
    {
        TestPool test = new(4, 2);
        SequenceHandle a = test.With(1, 2, 3);
        SequenceHandle b = test.Pool.Fork(a);
        Assert.Equal(0, test.Pool.SwapOut(a));
        test.Pool.Release(b);
        Assert.Equal(2, test.Pool.Statistics.Used);
        Assert.Equal(2, test.Pool.SwapOut(a));
        Assert.Equal(0, test.Pool.SwapOut(a));
        Assert.Equal(4, test.Pool.Statistics.Free);
        test.Pool.Release(test.With(9, 9, 9, 9, 9, 9, 9, 9));
        Assert.True(test.Pool.TrySwapIn(a));
        Assert.Equal([1, 2, 3], test.Read(a));
    }

    [Fact]
    public void PublishedPagesThatAreStillThereAreNotLoaded()
    {
        TestPool test = new(4, 2);
        SequenceHandle sequence = test.Published(1, 2, 3, 4, 5);
        int[] pages = test.Pages(sequence);
        Assert.Equal(3, test.Pool.SwapOut(sequence));
        Assert.Equal(2, test.Pool.Statistics.Cached);

        // The end of the prefix is given away, its beginning is left.
        SequenceHandle other = test.With(9, 9, 9, 9, 9);
        test.Pool.Truncate(other, 4);
        Assert.False(test.Pool.TrySwapIn(sequence));
        Assert.Equal(1, test.Pool.Statistics.Cached);
        test.Pool.Release(other);
        Assert.True(test.Pool.TrySwapIn(sequence));
        Assert.Equal(2, test.Memory.Loads.Count);
        Assert.Equal(pages[0], test.Pages(sequence)[0]);
        Assert.Equal([1, 2, 3, 4, 5], test.Read(sequence));
        Assert.Equal(2, test.Pool.AdoptPrefix(test.Pool.AddSequence(), [1, 2, 3, 4]));
        Assert.Equal(4, test.Pool.Publish(sequence, [1, 2, 3, 4, 5]));
        Assert.Equal(4, test.Pool.AdoptPrefix(test.Pool.AddSequence(), [1, 2, 3, 4]));
    }

    [Fact]
    public void ASwappedOutSequenceIsReleased()
    {
        TestPool test = new(4, 2);
        SequenceHandle a = test.With(1, 2, 3);
        SequenceHandle b = test.Pool.Fork(a);
        Assert.True(test.TryAppend(a, 4));
        test.Pool.SwapOut(a);
        test.Pool.Release(a);
        Assert.Equal(new PagePoolStatistics(Free: 2, Cached: 0, Used: 2, Shared: 0, Saved: 0), test.Pool.Statistics);
        Assert.Equal([1, 2, 3], test.Read(b));
        SequenceHandle next = test.Pool.AddSequence();
        Assert.False(test.Pool.IsSwappedOut(next));
        Assert.Equal(0, next.Index);
    }

    [Fact]
    public void AMoveThatFailsChangesNothing()
    {
        TestPool test = new(4, 2);
        SequenceHandle sequence = test.With(1, 2, 3, 4);
        PagePoolStatistics before = test.Pool.Statistics;
        test.Faults.Countdown = 1;
        Assert.Throws<InjectedFaultException>(() => test.Pool.SwapOut(sequence));
        Assert.Equal(before, test.Pool.Statistics);
        Assert.Equal([1, 2, 3, 4], test.Read(sequence));
        test.Faults.Countdown = -1;
        Assert.Equal(2, test.Pool.SwapOut(sequence));
        before = test.Pool.Statistics;
        test.Faults.Countdown = 1;
        Assert.Throws<InjectedFaultException>(() => test.Pool.TrySwapIn(sequence));
        Assert.Equal(before, test.Pool.Statistics);
        Assert.True(test.Pool.IsSwappedOut(sequence));
        test.Faults.Countdown = -1;
        Assert.True(test.Pool.TrySwapIn(sequence));
        Assert.Equal([1, 2, 3, 4], test.Read(sequence));
    }

    [Fact]
    public void ASwappedOutSequenceIsNotUsed()
    {
        TestPool test = new(4, 2);
        SequenceHandle sequence = test.With(1, 2, 3);
        Assert.Throws<InvalidOperationException>(() => test.Pool.TrySwapIn(sequence));
        test.Pool.SwapOut(sequence);
        Assert.Throws<InvalidOperationException>(() => test.Pool.TryReserve(sequence, 1));
        Assert.Throws<InvalidOperationException>(() => test.Pool.Truncate(sequence, 1));
        Assert.Throws<InvalidOperationException>(() => test.Pool.Fork(sequence));
        Assert.Throws<InvalidOperationException>(() => test.Pool.Publish(sequence, [1, 2]));
        Assert.Throws<InvalidOperationException>(() => test.Pool.AdoptPrefix(sequence, [1, 2]));
        Assert.Throws<InvalidOperationException>(() => test.Pool.GetPages(sequence).Length);
        Assert.Throws<InvalidOperationException>(() => test.Pool.Slots.GetSlot(sequence, 0));
        Assert.True(test.Pool.TrySwapIn(sequence));
        Assert.Equal([1, 2, 3], test.Read(sequence));
    }
}
