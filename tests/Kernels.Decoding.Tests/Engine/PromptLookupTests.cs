using Xunit;

namespace Kernels.Decoding.Tests;

public sealed class PromptLookupTests
{
    [Theory]
    [InlineData(new[] { 1, 2, 3, 4, 5, 1, 2, 3 }, 2, new[] { 4, 5 })]
    [InlineData(new[] { 1, 2, 3, 4, 5, 1, 2, 3 }, 9, new[] { 4, 5, 1, 2, 3 })]
    [InlineData(new[] { 9, 2, 3, 7, 8, 2, 3, 6, 4, 2, 3 }, 1, new[] { 6 })] // the latest match
    [InlineData(new[] { 1, 2, 3, 7, 8, 2, 3, 6, 1, 2, 3 }, 1, new[] { 7 })] // the longest match
    [InlineData(new[] { 4, 4, 4, 4 }, 3, new[] { 4 })]
    [InlineData(new[] { 1, 2, 3, 4 }, 3, new int[0])]
    [InlineData(new[] { 1, 2, 1, 2 }, 0, new int[0])]
    [InlineData(new[] { 1 }, 3, new int[0])]
    public void ProposesWhatFollowedBefore(int[] tokens, int count, int[] expected) =>
        Assert.Equal(expected, PromptLookup.Draft(tokens, count).ToArray());
}
