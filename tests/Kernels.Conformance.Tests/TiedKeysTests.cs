namespace Kernels.Conformance.Tests;

/// <summary>
/// What is asked of rows whose largest score float32 does not know: a mean of some keys that may have it, and nothing else.
/// </summary>
public sealed class TiedKeysTests
{
    private const int Dim = 32, Keys = 40;

    private static readonly AttentionShape Shape =
        CaseMatrix.Shape(1, 1, Dim, Dim, AttentionMask.None, ElementType.Float32, ElementType.Float8E4M3, KvLayout.Hnd);

    private static readonly int[] Tied = [4, 17, 31];

    [Fact]
    public void KeysWithTheSameLargeProductAreFound()
    {
        TiedKeys found = Assert.IsType<TiedKeys>(Find(Query(small: true)));
        Assert.Equal(Tied, found.Groups.Select(Assert.Single));
    }

    [Fact]
    public void KeysThatNothingTellsApartAreOne()
    {
        TiedKeys found = Assert.IsType<TiedKeys>(Find(Query(small: false)));
        Assert.Equal(Tied, Assert.Single(found.Groups));
    }

    [Fact]
    public void ScoresOfUsualSizeAreLeftToTheReference() => Assert.Null(Find([.. Query(small: true).Select(x => Math.Max(x, -1e4))]));

    [Theory]
    [InlineData(true, 4)]
    [InlineData(true, 17, 31)]
    [InlineData(true, 4, 17, 31)]
    [InlineData(false, 5)] // not one of them
    [InlineData(false, 4, 5)]
    [InlineData(false, 4, 4, 17)] // unequal parts
    [InlineData(false)] // zeros
    public void AMeanOfSomeIsRightAndNothingElse(bool isRight, params int[] keys) => Assert.Equal(isRight, Error(small: true, keys) <= 1);

    [Theory]
    [InlineData(true, 4, 17, 31)]
    [InlineData(false, 4)]
    [InlineData(false, 17, 31)]
    public void KeysThatNothingTellsApartShareTheRow(bool isRight, params int[] keys) =>
        Assert.Equal(isRight, Error(small: false, keys) <= 1);

    [Fact]
    public void WhatIsNotANumberIsNotTaken() => Assert.Equal(double.PositiveInfinity, Error(small: true, [4], scale: double.NaN));

    /// <summary>The error of an output that is the mean of some keys' values.</summary>
    private static double Error(bool small, int[] keys, double scale = 1)
    {
        double[] values = Numbers(Keys * Dim, 3), expected = new double[Dim], actual = new double[Dim];
        foreach (int key in keys)
        {
            for (int d = 0; d < Dim; d++)
            {
                actual[d] += scale * values[(key * Dim) + d] / keys.Length;
            }
        }

        Find(Query(small))!.Expect(Shape, values, 0, actual, expected);
        var test = new AttentionCase(Shape, [(1, Keys)], 1) { Poison = new(PoisonPlace.Query, PoisonKind.Lowest) };
        return Tolerance.PoisonedError(ElementType.Float32, actual, expected, [1e35], test);
    }

    private static TiedKeys? Find(double[] query)
    {
        double[] keys = Numbers(Keys * Dim, 2);
        foreach (int key in Tied)
        {
            keys[(key * Dim) + 3] = -3.5;
        }

        return TiedKeys.Of(Shape, query, keys, 1, Keys, 0, 0, new ReferenceOptions());
    }

    private static double[] Query(bool small)
    {
        double[] query = small ? Numbers(Dim, 1) : new double[Dim];
        query[3] = -1e35;
        return query;
    }

    private static double[] Numbers(int length, int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, length).Select(_ => (4 * random.NextDouble()) - 2)];
    }
}
