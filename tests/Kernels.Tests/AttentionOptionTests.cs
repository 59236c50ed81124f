using Kernels.Planning;
using Xunit;

namespace Kernels.Tests;

public sealed class AttentionOptionTests
{
    private static readonly AttentionShape Shape = new(
        8, 2, 64, 64, 0.125, AttentionMask.None, ElementType.Float32, ElementType.Float32, KvLayout.Hnd) { PageSize = 16 };

    [Fact]
    public void WhatAnOptionDoesNotSayIsTheSafeAnswer()
    {
        AttentionOption option = new Silent();
        Assert.False(option.SharesPrefixes(Shape));
        Assert.Equal((0, long.MaxValue), option.Reach(Shape, 3, 5, prefix: 0));
        Assert.Empty(option.Inputs);
    }

    [Fact]
    public void AMaskThatNobodyKnowsSeesAllAndSharesNothing()
    {
        AttentionShape shape = Shape with { Mask = (AttentionMask)9 };
        Assert.Equal((0, 100), MaskReach.Of(shape, new AttentionRequest(SequenceHandle.Create(0), 1, 100), 10, 10));
        Assert.False(SharedPrefix.IsPossible(shape));
        Assert.True(SharedPrefix.IsPossible(Shape));
    }

    [Fact]
    public void OptionsHaveNamesOfTheirOwn() =>
        Assert.Equal(AttentionShape.Options.Length, AttentionShape.Options.Select(option => option.Name).Distinct().Count());

    private sealed class Silent : AttentionOption
    {
        public override string Name => "Silent";

        public override bool IsIn(AttentionShape shape) => true;
    }
}
