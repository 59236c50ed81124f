namespace Kernels.Paging.Tests;

public sealed class PrefixTests
{
    [Fact]
    public void PublishedPagesAreAdopted()
    {
        TestPool test = new(8, 2);
        SequenceHandle sequence = test.Published(1, 2, 3, 4, 5);
        SequenceHandle other = test.Pool.AddSequence();
        Assert.Equal(4, test.Pool.AdoptPrefix(other, [1, 2, 3, 4, 5, 6]));
        Assert.Equal(4, test.Pool.GetLength(other));
        Assert.Equal(test.Pages(sequence)[..2], test.Pages(other));
        Assert.True(test.TryAppend(other, 5, 6));
        Assert.Equal([1, 2, 3, 4, 5, 6], test.Read(other));
        Assert.Equal([1, 2, 3, 4, 5], test.Read(sequence));
        Assert.Equal(2, test.Pool.Statistics.Shared);
    }

    [Theory]
    [InlineData(0, 9, 9)]
    [InlineData(0)]
    [InlineData(0, 1)]
    [InlineData(0, 3, 4, 1, 2)]
    [InlineData(2, 1, 2, 3, 9)]
    [InlineData(2, 1, 2, 4, 3)]
    [InlineData(2, 1, 2, 3)]
    [InlineData(4, 1, 2, 3, 4)]
    public void OnlyWholePagesOfTheSamePrefixAreAdopted(int expected, params int[] tokens)
    {
        TestPool test = new(8, 2);
        test.Published(1, 2, 3, 4, 5);
        Assert.Equal(expected, test.Pool.AdoptPrefix(test.Pool.AddSequence(), tokens));
    }

    [Fact]
    public void NothingIsAdoptedThatWasNotPublished()
    {
        TestPool test = new(8, 2);
        SequenceHandle sequence = test.With(1, 2, 3, 4);
        Assert.Equal(0, test.Pool.AdoptPrefix(test.Pool.AddSequence(), [1, 2, 3, 4]));
        Assert.Equal(2, test.Pool.Publish(sequence, [1, 2, 3]));
        Assert.Equal(2, test.Pool.AdoptPrefix(test.Pool.AddSequence(), [1, 2, 3, 4]));
        Assert.Equal(4, test.Pool.Publish(sequence, [1, 2, 3, 4]));
        Assert.Equal(4, test.Pool.Publish(sequence, []));
        Assert.Equal(4, test.Pool.AdoptPrefix(test.Pool.AddSequence(), [1, 2, 3, 4]));
    }

    [Fact]
    public void EqualHashesDoNotMixSequencesUp()
    {
        TestPool test = new(16, 2, (_, _) => 7);
        SequenceHandle a = test.Published(1, 2, 3, 4);
        SequenceHandle b = test.Published(5, 6, 3, 4);
        SequenceHandle c = test.Published(1, 2, 5, 6);
        Assert.Equal(test.Pages(a)[0], test.Pages(c)[0]);
        Assert.NotEqual(test.Pages(a)[1], test.Pages(b)[1]);
        foreach (int[] tokens in (int[][])[[1, 2, 3, 4], [5, 6, 3, 4], [1, 2, 5, 6]])
        {
            SequenceHandle sequence = test.Pool.AddSequence();
            Assert.Equal(4, test.Pool.AdoptPrefix(sequence, tokens));
            Assert.Equal(tokens, test.Read(sequence));
        }

        // Taking one out of the middle of the pages with one hash leaves the others.
        test.Pool.Truncate(b, 1);
        Assert.True(test.TryAppend(b, 9));
        Assert.Equal([5, 9], test.Read(b));
        Assert.Equal(4, test.Pool.AdoptPrefix(test.Pool.AddSequence(), [1, 2, 3, 4]));
        Assert.Equal(4, test.Pool.AdoptPrefix(test.Pool.AddSequence(), [1, 2, 5, 6]));
    }

    [Fact]
    public void PagesOfReleasedSequencesStayUntilTheyAreNeeded()
    {
        TestPool test = new(3, 2);
        test.Pool.Release(test.Published(1, 2, 3, 4, 5));
        Assert.Equal(new PagePoolStatistics(Free: 1, Cached: 2, Used: 0, Shared: 0, Saved: 0), test.Pool.Statistics);
        Assert.Equal(3, test.Pool.Statistics.Available);
        SequenceHandle sequence = test.Pool.AddSequence();
        Assert.Equal(4, test.Pool.AdoptPrefix(sequence, [1, 2, 3, 4]));
        Assert.Equal([1, 2, 3, 4], test.Read(sequence));
        Assert.Equal(0, test.Pool.Statistics.Cached);
        test.Pool.Release(sequence);
        test.With(7, 7, 7, 7, 7, 7);
        Assert.Equal(0, test.Pool.Statistics.Cached);
        Assert.Equal(0, test.Pool.AdoptPrefix(test.Pool.AddSequence(), [1, 2, 3, 4]));
    }

    [Theory]
    [InlineData(0, "222")]
    [InlineData(1, "212")]
    [InlineData(2, "112")]
    [InlineData(3, "012")]
    [InlineData(4, "011")]
    [InlineData(5, "010")]
    [InlineData(6, "000")]
    public void TheLeastRecentlyUsedPagesGoFirstAndOfAPrefixItsEnd(int needed, string expected)
    {
        TestPool test = new(6, 1);
        SequenceHandle a = test.Published(1, 2);
        SequenceHandle b = test.Published(3, 4);
        SequenceHandle c = test.Published(5, 6);
        test.Pool.Release(b);
        test.Pool.Release(a);
        test.Pool.Release(c);

        // This makes b's first page the most recently used one.
        SequenceHandle again = test.Pool.AddSequence();
        Assert.Equal(1, test.Pool.AdoptPrefix(again, [3]));
        test.Pool.Release(again);
        Assert.True(test.Pool.TryReserve(test.Pool.AddSequence(), needed));
        Assert.Equal(
            expected, string.Concat(
                ((int[][])[[1, 2], [3, 4], [5, 6]]).Select(tokens => test.Pool.AdoptPrefix(test.Pool.AddSequence(), tokens))));
    }

    [Fact]
    public void APageWrittenAgainIsForgotten()
    {
        TestPool test = new(4, 2);
        SequenceHandle sequence = test.Published(1, 2, 3, 4);
        test.Pool.Truncate(sequence, 1);
        Assert.True(test.TryAppend(sequence, 9, 8));
        Assert.Equal([1, 9, 8], test.Read(sequence));
        Assert.Empty(test.Memory.Copies);
        Assert.Equal(0, test.Pool.AdoptPrefix(test.Pool.AddSequence(), [1, 2, 3, 4]));
        Assert.Equal(2, test.Pool.Publish(sequence, [1, 9, 8]));
        Assert.Equal(2, test.Pool.AdoptPrefix(test.Pool.AddSequence(), [1, 9]));
    }

    [Fact]
    public void APageThatOthersAdoptedIsCopiedBeforeItIsWrittenAgain()
    {
        TestPool test = new(4, 2);
        SequenceHandle sequence = test.Published(1, 2);
        test.Pool.Truncate(sequence, 1);
        SequenceHandle other = test.Pool.AddSequence();
        Assert.Equal(2, test.Pool.AdoptPrefix(other, [1, 2]));
        Assert.True(test.TryAppend(sequence, 9));
        Assert.Equal([1, 9], test.Read(sequence));
        Assert.Equal([1, 2], test.Read(other));
        Assert.Single(test.Memory.Copies);
        Assert.Equal(2, test.Pool.AdoptPrefix(test.Pool.AddSequence(), [1, 2]));
    }

    [Fact]
    public void PublishingWhatIsPublishedSharesThePage()
    {
        TestPool test = new(8, 2);
        SequenceHandle a = test.Published(1, 2, 3, 4);
        SequenceHandle b = test.With(1, 2, 3, 4, 5, 6);
        Assert.Equal(5, test.Pool.Statistics.Used);
        Assert.Equal(6, test.Pool.Publish(b, [1, 2, 3, 4, 5, 6]));
        Assert.Equal(test.Pages(a), test.Pages(b)[..2]);
        Assert.Equal(3, test.Pool.Statistics.Used);
        Assert.Equal([1, 2, 3, 4, 5, 6], test.Read(b));
        Assert.Equal(6, test.Pool.AdoptPrefix(test.Pool.AddSequence(), [1, 2, 3, 4, 5, 6]));
    }

    [Fact]
    public void ForksPublishTheSamePageTogether()
    {
        TestPool test = new(8, 2);
        SequenceHandle sequence = test.With(1, 2, 3, 4);
        SequenceHandle fork = test.Pool.Fork(sequence);
        test.Pool.Publish(sequence, [1, 2, 3, 4]);
        Assert.Equal(4, test.Pool.Publish(fork, [1, 2, 3, 4]));
        Assert.Equal(test.Pages(sequence), test.Pages(fork));
        Assert.Equal(2, test.Pool.Statistics.Used);
    }

    [Fact]
    public void APageIsPublishedAnewWhenTheOneBeforeItIsGone()
    {
        TestPool test = new(5, 2);
        SequenceHandle owner = test.Published(1, 2);
        SequenceHandle a = test.With(1, 2, 3, 4);
        SequenceHandle b = test.Pool.Fork(a);

        // a takes the owner's first page, and publishes the second after it; b holds the second, but not the first.
        test.Pool.Publish(a, [1, 2, 3, 4]);
        Assert.NotEqual(test.Pages(a)[0], test.Pages(b)[0]);
        Assert.Equal(test.Pages(a)[1], test.Pages(b)[1]);
        test.Pool.Release(a);
        test.Pool.Release(owner);
        SequenceHandle filler = test.With(9, 9, 9, 9, 9, 9);
        Assert.Equal(0, test.Pool.AdoptPrefix(test.Pool.AddSequence(), [1, 2, 3, 4]));
        Assert.Equal(4, test.Pool.Publish(b, [1, 2, 3, 4]));
        test.Pool.Release(filler);
        SequenceHandle reader = test.Pool.AddSequence();
        Assert.Equal(4, test.Pool.AdoptPrefix(reader, [1, 2, 3, 4]));
        Assert.Equal(test.Pages(b), test.Pages(reader));
    }

    [Fact]
    public void APageIsPublishedAnewWhenAPrefixOfTheOneBeforeItIsGone()
    {
        TestPool test = new(6, 2);
        int[] tokens = [1, 2, 3, 4, 5, 6];
        SequenceHandle owner = test.Published(1, 2);
        SequenceHandle a = test.With(tokens);
        SequenceHandle b = test.Pool.Fork(a);
        test.Pool.Fork(a);
        test.Pool.Publish(a, tokens);
        test.Pool.Release(a);
        test.Pool.Release(owner);
        test.Pool.Release(test.With(9, 9, 9, 9, 9, 9));

        // Another fork still holds the pages of tokens 3 to 6, the second of them registered after the first, which nobody finds any more.
        test.Published(1, 2, 3, 4);
        Assert.Equal(6, test.Pool.Publish(b, tokens));
        Assert.Equal(6, test.Pool.AdoptPrefix(test.Pool.AddSequence(), tokens));
    }

    [Fact]
    public void APageIsNotFoundAfterAnotherThatTookThePlaceOfTheOneBeforeIt()
    {
        TestPool test = new(5, 2);
        SequenceHandle owner = test.Published(1, 2);
        int first = test.Pages(owner)[0];
        SequenceHandle a = test.With(1, 2, 3, 4);
        SequenceHandle b = test.Pool.Fork(a);
        test.Pool.Publish(a, [1, 2, 3, 4]);
        test.Pool.Release(a);
        test.Pool.Release(owner);
        test.With(8, 8, 8, 8);
        SequenceHandle late = test.Published(9, 9);
        Assert.Equal(first, Assert.Single(test.Pages(late)));
        Assert.Equal(2, test.Pool.AdoptPrefix(test.Pool.AddSequence(), [9, 9, 3, 4]));

        // What cannot be found is not worth caching.
        test.Pool.Release(b);
        Assert.Equal(new PagePoolStatistics(Free: 2, Cached: 0, Used: 3, Shared: 1, Saved: 0), test.Pool.Statistics);
    }

    [Fact]
    public void ContradictoryTokensAreRefused()
    {
        TestPool test = new(8, 2);
        SequenceHandle sequence = test.With(1, 2, 3, 4);
        SequenceHandle fork = test.Pool.Fork(sequence);
        test.Pool.Publish(sequence, [1, 2, 3, 4]);
        ArgumentException error = Assert.Throws<ArgumentException>(() => test.Pool.Publish(fork, [1, 2, 3, 5]));
        Assert.Equal("tokens", error.ParamName);
        Assert.Contains("tokens 2 to 3", error.Message, StringComparison.Ordinal);
        Assert.Equal(4, test.Pool.Publish(fork, [1, 2, 3, 4]));
        Assert.Equal("tokens", Assert.Throws<ArgumentException>(() => test.Pool.Publish(sequence, [1, 2, 3, 4, 5])).ParamName);
        Assert.Throws<InvalidOperationException>(() => test.Pool.AdoptPrefix(sequence, [1, 2]));
    }

    [Fact]
    public void PublishedTokensAreNotWrittenAgain()
    {
        TestPool test = new(4, 2);
        SequenceHandle sequence = test.Published(1, 2, 3);
        Assert.Equal(-1, test.Pool.Slots.GetSlot(sequence, 0));
        Assert.Equal(-1, test.Pool.Slots.GetSlot(sequence, 1));
        Assert.Equal(test.Pages(sequence)[1] * 2, test.Pool.Slots.GetSlot(sequence, 2));
        Assert.Equal(test.Pages(sequence), test.Pool.Slots.GetPages(sequence).ToArray());
    }
}
