namespace Kernels.Tests;

/// <summary>The reference on examples whose answers are written down here.</summary>
public sealed class ReferenceAttentionTests
{
    private static readonly AttentionShape Plain =
        new(1, 1, 1, 1, 1, AttentionMask.None, ElementType.Float32, ElementType.Float32, KvLayout.Hnd);

    [Fact]
    public void WeighsValuesBySoftmaxOfScores()
    {
        // Scores 0 and ln 3: weights 1/4 and 3/4.
        (double output, double lse) = Row(Plain, [1], [0, Math.Log(3)], [8, 4]);
        Assert.Equal(5, output, 12);
        Assert.Equal(Math.Log(4), lse, 12);
    }

    [Fact]
    public void ScaleMultipliesScores()
    {
        (double output, _) = Row(Plain with { Scale = 0.5 }, [2], [0, Math.Log(3)], [8, 4]);
        Assert.Equal(5, output, 12);
    }

    [Fact]
    public void CausalIsAlignedAtTheBottomRight()
    {
        // Three keys, two queries: the first sees keys 0 and 1, the second all.
        AttentionShape shape = Plain with { Mask = AttentionMask.Causal };
        Assert.Equal(1.5, Row(shape, [0, 0], [0, 0, 0], [1, 2, 6], token: 0).Output, 12);
        Assert.Equal(3, Row(shape, [0, 0], [0, 0, 0], [1, 2, 6], token: 1).Output, 12);
    }

    [Fact]
    public void RowThatSeesNothingIsZero()
    {
        // More queries than keys: the first query stands at position −1.
        (double output, double lse) = Row(Plain with { Mask = AttentionMask.Causal }, [0, 0], [0], [7], token: 0);
        Assert.Equal(0, output);
        Assert.Equal(double.NegativeInfinity, lse);
    }

    [Fact]
    public void NoKeysGiveZero() => Assert.Equal((0, double.NegativeInfinity), Row(Plain, [1], [], []));

    [Fact]
    public void WindowIncludesBothEnds()
    {
        AttentionShape shape = Plain with { WindowLeft = 1, WindowRight = 2 };
        bool[] visible = [.. Enumerable.Range(0, 8).Select(key => ReferenceAttention.IsVisible(shape, 3, key))];
        Assert.Equal([false, false, true, true, true, true, false, false], visible);
    }

    [Fact]
    public void PrefixIsVisibleToAll()
    {
        AttentionShape shape = Plain with { Mask = AttentionMask.PrefixCausal };
        var options = new ReferenceOptions { PrefixLength = 3 };
        bool[] visible = [.. Enumerable.Range(0, 5).Select(key => ReferenceAttention.IsVisible(shape, 0, key, 0, options))];
        Assert.Equal([true, true, true, false, false], visible);
    }

    [Fact]
    public void SoftcapComesBeforeSoftmax()
    {
        // 2·tanh(s / 2) of s = 2·artanh(½·ln 3) is ln 3.
        (double output, double lse) = Row(Plain with { Softcap = 2 }, [1], [0, 2 * Math.Atanh(Math.Log(3) / 2)], [8, 4]);
        Assert.Equal(5, output, 12);
        Assert.Equal(Math.Log(4), lse, 12);
    }

    [Fact]
    public void SinkTakesPartInTheDenominatorOnly()
    {
        // Two keys of weight 1 and a sink of weight 2.
        var options = new ReferenceOptions { Sinks = [(float)Math.Log(2)] };
        (double output, double lse) = Row(Plain with { Sinks = true }, [0], [0, 0], [8, 4], options: options);
        Assert.Equal(3, output, 6);
        Assert.Equal(Math.Log(2), lse, 12);
    }

    [Fact]
    public void AlibiLowersScoresByDistance()
    {
        // One head: n = 1, slope 2^−8. The query stands at key 1.
        (_, double lse) = Row(Plain with { Alibi = true }, [0], [0, 0], [0, 0]);
        Assert.Equal(Math.Log(1 + Math.Exp(-1.0 / 256)), lse, 12);
    }

    [Fact]
    public void AlibiSlopesAreThoseOfTheDefinition()
    {
        double[] eight = [.. Enumerable.Range(0, 8).Select(head => ReferenceAttention.GetAlibiSlope(head, 8))];
        Assert.Equal([0.5, 0.25, 0.125, 1 / 16.0, 1 / 32.0, 1 / 64.0, 1 / 128.0, 1 / 256.0], eight);

        // Twelve heads: eight as above, then 2^−½, 2^−1½, …
        Assert.Equal(0.5, ReferenceAttention.GetAlibiSlope(0, 12));
        Assert.Equal(Math.Sqrt(0.5), ReferenceAttention.GetAlibiSlope(8, 12), 12);
        Assert.Equal(Math.Sqrt(0.5) / 2, ReferenceAttention.GetAlibiSlope(9, 12), 12);
    }

    [Fact]
    public void DocumentsDoNotSeeEachOther()
    {
        // Four keys, two queries at the positions 2 and 3.
        AttentionShape shape = Plain with { Documents = true };
        var options = new ReferenceOptions { Documents = [4, 9, 4, 9] };
        Assert.Equal(3, Row(shape, [0, 0], [0, 0, 0, 0], [1, 2, 5, 8], token: 0, options).Output, 12);
        Assert.Equal(5, Row(shape, [0, 0], [0, 0, 0, 0], [1, 2, 5, 8], token: 1, options).Output, 12);
    }

    [Fact]
    public void QueryBelowTheFirstKeyHasNoDocument()
    {
        var options = new ReferenceOptions { Documents = [0] };
        Assert.Equal((0, double.NegativeInfinity), Row(Plain with { Documents = true }, [0, 0], [0], [7], token: 0, options));
        Assert.Equal(7, Row(Plain with { Documents = true }, [0, 0], [0], [7], token: 1, options).Output, 12);
    }

    [Fact]
    public void PaddingIsNotSeen()
    {
        var options = new ReferenceOptions { KeyPadding = [true, false, true] };
        (double output, double lse) = Row(Plain with { KeyPadding = true }, [0], [0, 0, 0], [8, 1000, 4], options: options);
        Assert.Equal(6, output, 12);
        Assert.Equal(Math.Log(2), lse, 12);
    }

    [Fact]
    public void BiasIsAddedAfterSoftcapAtTheQuerysIndex()
    {
        // Softcap 1 of a huge score is 1; the second query, at position 2, has ln 3 on its last key and −∞ on its first.
        var options = new ReferenceOptions
        {
            Bias = (head, query, key) => (query, key) switch { (1, 2) => Math.Log(3), (1, 0) => double.NegativeInfinity, _ => 0 },
        };
        (double output, double lse) = Row(
            Plain with { Bias = true, Softcap = 1 }, [1000, 1000], [1, 1, 1], [1000, 8, 4], token: 1, options);
        Assert.Equal(5, output, 12);
        Assert.Equal(1 + Math.Log(4), lse, 12);
    }

    [Fact]
    public void HugeNegativeLogitsGiveTheMean() => Assert.Equal(6, Row(Plain, [1], [-524288, -524288], [8, 4]).Output, 12);

    [Fact]
    public void GroupsShareAKvHeadAndDimensionsDiffer()
    {
        // Four query heads on two KV heads; keys of 2 elements, values of 3; one token. A single key has weight 1.
        AttentionShape shape = Plain with { QueryHeads = 4, KvHeads = 2, HeadDim = 2, ValueDim = 3 };
        double[] outputs = new double[12];
        ReferenceAttention.Compute(shape, new double[8], new double[4], [1, 2, 3, 4, 5, 6], outputs);
        Assert.Equal([1, 2, 3, 1, 2, 3, 4, 5, 6, 4, 5, 6], outputs);
    }

    [Fact]
    public void ScoreModAndMaskModAreAsked()
    {
        var options = new ReferenceOptions
        {
            ScoreMod = (score, _, _, _, key) => key == 1 ? score + MathF.Log(3) : score,
            MaskMod = (_, _, _, key) => key != 2,
        };
        (double output, _) = Row(Plain, [0], [0, 0, 0], [8, 4, 1000], options: options);
        Assert.Equal(5, output, 6);
    }

    [Fact]
    public void LengthsThatDoNotFitAreRefused()
    {
        AttentionShape shape = Plain with { HeadDim = 2 };
        Assert.Throws<ArgumentException>(
            () => ReferenceAttention.Compute(shape, new double[3], new double[2], new double[1], new double[1]));
        Assert.Throws<ArgumentException>(
            () => ReferenceAttention.Compute(shape, new double[2], new double[2], new double[2], new double[1]));
        Assert.Throws<ArgumentException>(
            () => ReferenceAttention.Compute(shape, new double[2], new double[2], new double[1], new double[2]));
    }

    [Fact]
    public void WhatTheShapeHasAndTheOptionsLackIsNamed()
    {
        AttentionShape[] shapes =
        [
            Plain with
            {
                Sinks = true,
            }, Plain with { Documents = true }, Plain with { KeyPadding = true }, Plain with { Bias = true }, Plain with { HasMods = true },
        ];
        string[] named = ["Sinks", "Documents", "KeyPadding", "bias", "ScoreMod"];
        foreach ((AttentionShape shape, string name) in shapes.Zip(named))
        {
            foreach (ReferenceOptions? options in new[] { null, new ReferenceOptions() })
            {
                Assert.Contains(
                    name,
                    Assert.Throws<ArgumentException>(
                        "options", () => ReferenceAttention.Compute(shape, [1], [1, 1], [1, 1], [0], options)).Message,
                            StringComparison.Ordinal);
                Assert.Throws<ArgumentException>("options", () => Row(shape, [1], [1, 1], [1, 1], options: options));
            }
        }

        // Given, and of another length.
        var wrong = new ReferenceOptions { Sinks = [1, 2], Documents = [1], KeyPadding = [true, true, true] };
        Assert.All(
            shapes[..3], shape => Assert.Throws<ArgumentException>(
                "options", () => ReferenceAttention.Compute(shape, [1], [1, 1], [1, 1], [0], wrong)));
        Assert.Throws<ArgumentException>("options", () => ReferenceAttention.IsVisible(Plain with { Documents = true }, 0, 0));
        Assert.Throws<ArgumentException>("options", () => ReferenceAttention.IsVisible(Plain with { KeyPadding = true }, 0, 0));
    }

    [Fact]
    public void ComputeTakesEveryOption()
    {
        // Two heads over one, four keys, two queries, and a row by row account of all of it.
        AttentionShape shape = Plain with
        {
            QueryHeads = 2, HeadDim = 2, Mask = AttentionMask.Causal, WindowLeft = 2, Softcap = 3, Alibi = true, Sinks = true,
                Documents = true,
            KeyPadding = true, Bias = true, HasMods = true, Rope = RopeStyle.HalfSplit, RotaryDim = 2,
        };
        var options = new ReferenceOptions
        {
            Sinks = [0.5f, -1], Documents = [1, 1, 1, 1], KeyPadding = [true, true, false, true], Bias = (head, query, key) => head
                + (0.25 * query) - key,
            Batch = 7, ScoreMod = (score, batch, head, _, _) => score + batch + head, MaskMod = (_, _, query, key) => query - key != 1,
            Rope = RopeTable.Plain(4, 2),
        };
        double[] queries = [1, 2, -1, 0.5, 0.3, 0.1, 2, -2], keys = [1, 0, 0.5, 0.5, -1, 1, 2, 0.25], values = [1, 2, 4, 8];
        double[] outputs = new double[4], lse = new double[4];
        ReferenceAttention.Compute(shape, queries, keys, values, outputs, options, lse);
        for (int row = 0; row < 4; row++)
        {
            int query = row / 2, head = row % 2, position = query + 2;
            double sum = 0, output = 0;
            foreach (int key in new[] { 0, 1, 3 }.Where(key => key <= position && key >= position - 2 && position - key != 1))
            {
                (double x, double y) = Turned(queries, row, position);
                (double u, double v) = Turned(keys, key, key);
                double score = (float)(3 * Math.Tanh(((x * u) + (y * v)) / 3)) + 7f + head;
                double weight = Math.Exp(score - (Math.Pow(2, -4 * (head + 1)) * (position - key)) + head + (0.25 * query) - key);
                sum += weight;
                output += weight * values[key];
            }

            Assert.Equal(Math.Log(sum), lse[row], 5);
            Assert.Equal(output / (sum + Math.Exp(options.Sinks[head])), outputs[row], 5);
        }

        static (double, double) Turned(double[] rows, int row, int position)
        {
            (double sine, double cosine) = Math.SinCos(position);
            return ((rows[2 * row] * cosine) - (rows[(2 * row) + 1] * sine), (rows[(2 * row) + 1] * cosine) + (rows[2 * row] * sine));
        }
    }

    [Fact]
    public void ComputeNeedsTheAnglesOfTheShape()
    {
        AttentionShape shape = Plain with { HeadDim = 4, Rope = RopeStyle.Interleaved, RotaryDim = 4 };
        Assert.Throws<ArgumentException>("options", () => Compute(null));
        Assert.Throws<ArgumentException>("options", () => Compute(RopeTable.Plain(1, 4)));
        Assert.Throws<ArgumentException>("table", () => Compute(RopeTable.Plain(2, 2)));
        Assert.Throws<ArgumentException>("table", () => Compute(RopeTable.Plain(8, 8)));
        Assert.Equal([1.0], Compute(RopeTable.Plain(2, 4)));

        double[] Compute(RopeTable? table)
        {
            double[] outputs = [0];
            ReferenceAttention.Compute(shape, new double[4], new double[8], [1, 1], outputs, new ReferenceOptions { Rope = table });
            return outputs;
        }
    }

    [Fact]
    public void ALatentKeyIsItsValue()
    {
        AttentionShape shape = Plain with { HeadDim = 3, ValueDim = 2, LatentCache = true };
        double[] outputs = new double[2];
        ReferenceAttention.Compute(shape, new double[3], [1, 2, 9, 3, 6, 9], [], outputs);
        Assert.Equal([2.0, 4.0], outputs);
    }

    [Fact]
    public void LengthOfTheLseIsChecked() =>
        Assert.Throws<ArgumentException>("lse", () => ReferenceAttention.Compute(Plain, [1], [1], [1], [0], lse: new double[2]));

    private static (double Output, double Lse) Row(
        AttentionShape shape, double[] queries, double[] keys, double[] values, int token = 0, ReferenceOptions? options = null)
    {
        double[] output = [double.NaN];
        double lse = ReferenceAttention.ComputeRow(shape, queries, keys, values, queries.Length, keys.Length, token, 0, output, options);
        return (output[0], lse);
    }
}
