namespace Kernels.Tests;

/// <summary>Angles and turned rows that are written down here.</summary>
public sealed class RopeTests
{
    private static readonly AttentionShape Shape =
        new(1, 1, 6, 6, 1, AttentionMask.None, ElementType.Float32, ElementType.Float32, KvLayout.Hnd)
        {
            Rope = RopeStyle.HalfSplit,
            RotaryDim = 4,
        };

    // Positions 0 and 1, the pairs turn by a quarter and by a half.
    private static readonly RopeTable Turns = new(2, [Math.PI / 2, Math.PI]);

    [Fact]
    public void PlainFrequenciesAreThoseOfThePaper()
    {
        // 100^0 and 100^(−1/2), at position 3.
        RopeTable table = RopeTable.Plain(4, 4, theta: 100);
        Assert.Equal((4, 4), (table.Positions, table.RotaryDim));
        Assert.Equal([1, 0, 1, 0], table.Values[..4].ToArray());
        Assert.Equal([(float)Math.Cos(3), (float)Math.Sin(3), (float)Math.Cos(0.3), (float)Math.Sin(0.3)], table.Values[12..].ToArray());
    }

    [Fact]
    public void LinearScalingDividesPositions()
    {
        RopeTable scaled = RopeTable.Linear(9, 8, 10000, 4), plain = RopeTable.Plain(3, 8);
        for (int i = 0; i < 8; i++)
        {
            Assert.Equal(plain.Values[16 + i], scaled.Values[64 + i], 6);
        }
    }

    [Fact]
    public void YarnKeepsFastPairsAndStretchesSlowOnes()
    {
        // 64 elements, base 10000, 4096 original positions. A pair i turns 4096·10000^(−i/32) / 2π times over them: 32 times at
        // i = 32·ln(4096 / 64π) / ln 10000 = 10.4…, which is 10 when truncated, and once at i = 22.5…, which is 23.
        RopeTable yarn = RopeTable.Yarn(2, 64, 10000, new YarnScaling(8, 4096) { Mscale = 0, MscaleAllDim = 0 });
        double[] angles = [.. Enumerable.Range(0, 32).Select(pair => Math.Asin(yarn.Values[64 + (2 * pair) + 1]))];
        double[] plain = [.. Enumerable.Range(0, 32).Select(pair => Math.Pow(10000, -pair / 32.0))];
        Assert.Equal(plain[10], angles[10], 6);
        Assert.Equal(plain[23] / 8, angles[23], 6);
        Assert.Equal(plain[31] / 8, angles[31], 8);

        // Three of the thirteen pairs from one to the other.
        double blend = 3.0 / 13;
        Assert.Equal(plain[13] * (1 - blend + (blend / 8)), angles[13], 6);
    }

    [Fact]
    public void YarnMultipliesByMscale()
    {
        var scaling = new YarnScaling(40, 4096) { Mscale = 0.707, MscaleAllDim = 0.5 };
        double expected = ((0.0707 * Math.Log(40)) + 1) / ((0.05 * Math.Log(40)) + 1);
        Assert.Equal(expected, RopeTable.Yarn(1, 8, 10000, scaling).Values[0], 6);
        Assert.Equal((0.1 * Math.Log(40)) + 1, RopeTable.Yarn(1, 8, 10000, new YarnScaling(40, 4096)).Values[0], 6);
        Assert.Equal(1, new YarnScaling(1, 4096).Magnitude(1));
    }

    [Fact]
    public void HalfSplitTurnsElementsThatLieHalfApart() => AssertTurned(Shape, [-3, -2, 1, -4, 5, 6]);

    [Fact]
    public void InterleavedTurnsNeighbours() => AssertTurned(Shape with { Rope = RopeStyle.Interleaved }, [-2, 1, -3, -4, 5, 6]);

    [Fact]
    public void PositionsBelowZeroDoNotTurn() =>
        Assert.Equal([1, 2, 3, 4, 5, 6], ReferenceRope.Turn(Shape, [1, 2, 3, 4, 5, 6], 1, -3, Turns));

    [Fact]
    public void WhatCannotBeIsRefused()
    {
        Assert.Throws<ArgumentException>("rotaryDim", () => RopeTable.Plain(1, 5));
        Assert.Throws<ArgumentException>("frequencies", () => new RopeTable(1, []));
        Assert.Throws<ArgumentOutOfRangeException>("positions", () => RopeTable.Plain(0, 4));
        Assert.Throws<ArgumentOutOfRangeException>("theta", () => RopeTable.Plain(1, 4, -1));
        Assert.Throws<ArgumentOutOfRangeException>("factor", () => RopeTable.Linear(1, 4, 10000, 0));
        Assert.Throws<ArgumentException>(
            "shape", () => ReferenceRope.Turn(Shape with { Rope = RopeStyle.None }, new double[6], 1, 0, Turns));
    }

    /// <summary>Elements 1 to 6 of a head at position 1; the last two do not turn.</summary>
    private static void AssertTurned(AttentionShape shape, double[] expected)
    {
        double[] turned = ReferenceRope.Turn(shape, [1, 2, 3, 4, 5, 6, 1, 2, 3, 4, 5, 6], 1, 0, Turns);
        Assert.Equal([1, 2, 3, 4, 5, 6], turned[..6]);
        for (int i = 0; i < expected.Length; i++)
        {
            Assert.Equal(expected[i], turned[6 + i], 5);
        }
    }
}
