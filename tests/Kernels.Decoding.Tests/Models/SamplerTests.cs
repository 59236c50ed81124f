using Xunit;

namespace Kernels.Decoding.Tests;

public sealed class SamplerTests
{
    private static readonly float[] Logits = [.. new[] { 0.1, 0.4, 0.2, 0.3 }.Select(p => (float)Math.Log(p))];

    [Fact]
    public void TakesTheLikeliestWithoutATemperature()
    {
        Assert.Equal(1, new Sampler(new SamplingOptions()).Next(Logits));
        Assert.Equal(0, Sampler.Greedy([2, 2, 1]));
        Assert.Equal(1, Sampler.Greedy([float.NegativeInfinity, -5]));
    }

    [Theory]
    [InlineData(1, null, 1.0, new[] { 0.1, 0.4, 0.2, 0.3 })]
    [InlineData(1, 2, 1.0, new[] { 0, 0.4 / 0.7, 0, 0.3 / 0.7 })]
    [InlineData(1, 1, 1.0, new[] { 0.0, 1, 0, 0 })]
    [InlineData(1, 99, 1.0, new[] { 0.1, 0.4, 0.2, 0.3 })]
    [InlineData(1, null, 0.65, new[] { 0, 0.4 / 0.7, 0, 0.3 / 0.7 })]
    [InlineData(1, null, 0.75, new[] { 0, 0.4 / 0.9, 0.2 / 0.9, 0.3 / 0.9 })]
    [InlineData(1, null, 1e-9, new[] { 0.0, 1, 0, 0 })]
    [InlineData(1, 3, 0.5, new[] { 0, 0.4 / 0.7, 0, 0.3 / 0.7 })]
    [InlineData(0.5, null, 1.0, new[] { 0.01 / 0.3, 0.16 / 0.3, 0.04 / 0.3, 0.09 / 0.3 })]
    [InlineData(1e-9, null, 1.0, new[] { 0.0, 1, 0, 0 })]
    public void DrawsByProbability(double temperature, int? topK, double topP, double[] expected)
    {
        const int Draws = 40_000;
        var sampler = new Sampler(new SamplingOptions { Temperature = temperature, TopK = topK, TopP = topP, Seed = 3 });
        var counts = new int[4];
        for (int i = 0; i < Draws; i++)
        {
            counts[sampler.Next(Logits)]++;
        }

        for (int token = 0; token < 4; token++)
        {
            // Five standard deviations.
            double deviation = Math.Sqrt(expected[token] * (1 - expected[token]) / Draws);
            Assert.InRange(
                (double)counts[token] / Draws, expected[token] - (5 * deviation) - 1e-9, expected[token] + (5 * deviation) + 1e-9);
        }
    }

    /// <summary>Among many tokens, half of them equal to another: the likeliest, and of equals the lower.</summary>
    [Theory]
    [InlineData(7, 1.0)]
    [InlineData(200, 0.3)]
    [InlineData(null, 0.2)]
    public void DrawsFromTheLikeliestOfMany(int? topK, double topP)
    {
        var random = new Random(5);
        float[] half = [.. Enumerable.Range(0, 500).Select(_ => (float)random.NextDouble() * 3)];
        float[] logits = [.. half, .. half];
        int[] order =
            [.. Enumerable.Range(0, logits.Length).OrderByDescending(token => logits[token]).ThenBy(token => token)
                .Take(topK ?? logits.Length)];
        double all = order.Sum(token => Math.Exp(logits[token]));
        double reached = 0;
        int count = order.TakeWhile(token =>
        {
            bool isIn = topP == 1 || reached < topP * all;
            reached += Math.Exp(logits[token]);
            return isIn;
        }).Count();
        var sampler = new Sampler(new SamplingOptions { Temperature = 1, TopK = topK, TopP = topP, Seed = 4 });
        HashSet<int> drawn = [.. Enumerable.Range(0, 20_000).Select(_ => sampler.Next(logits))];
        Assert.Equal(order.Take(count).Order(), drawn.Order());
    }

    [Fact]
    public void RepeatsItselfWithASeed()
    {
        int[] Draw(int seed)
        {
            var sampler = new Sampler(new SamplingOptions { Temperature = 1, Seed = seed });
            return [.. Enumerable.Range(0, 50).Select(_ => sampler.Next(Logits))];
        }

        Assert.Equal(Draw(1), Draw(1));
        Assert.NotEqual(Draw(1), Draw(2));
    }

    [Fact]
    public void SurvivesHugeLogits()
    {
        var sampler = new Sampler(new SamplingOptions { Temperature = 1, Seed = 1 });

        Assert.Equal(1, sampler.Next([-1e30f, 1e30f, float.NegativeInfinity]));
    }

    [Fact]
    public void RefusesWhatIsNotANumber()
    {
        Assert.Throws<ArgumentException>(() => Sampler.Greedy([]));
        Assert.Contains(
            "logit of token 1", Assert.Throws<ArgumentException>(() => Sampler.Greedy([1, float.NaN])).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentOutOfRangeException>(() => new Sampler(new SamplingOptions { Temperature = -1 }));
        Assert.Throws<ArgumentOutOfRangeException>(() => new Sampler(new SamplingOptions { Temperature = double.NaN }));
        Assert.Throws<ArgumentOutOfRangeException>(() => new Sampler(new SamplingOptions { TopK = 0 }));
        Assert.Throws<ArgumentOutOfRangeException>(() => new Sampler(new SamplingOptions { TopP = 0 }));
        Assert.Throws<ArgumentOutOfRangeException>(() => new Sampler(new SamplingOptions { TopP = 1.5 }));
    }

    [Fact]
    public void PenaltiesAndBiasesChangeWhatIsLikeliest()
    {
        float[] logits = [1, 3, 2, -1];
        Assert.Equal(2, After(new SamplingOptions { FrequencyPenalty = 0.6 }, 1, 1));
        Assert.Equal(1, After(new SamplingOptions { FrequencyPenalty = 0.6 }, 1));
        Assert.Equal(2, After(new SamplingOptions { PresencePenalty = 1.1 }, 1));
        Assert.Equal(1, After(new SamplingOptions { PresencePenalty = 0.9 }, 1, 1, 1));
        Assert.Equal(2, After(new SamplingOptions { RepetitionPenalty = 1.6 }, 1));
        Assert.Equal(
            3, After(new SamplingOptions { LogitBias = System.Collections.Immutable.ImmutableDictionary<int, double>.Empty.Add(3, 4.5) }));
        Assert.Equal(
            0,
            After(
                new SamplingOptions
                {
                    LogitBias = System.Collections.Immutable.ImmutableDictionary<int, double>.Empty.Add(1, -100).Add(2, -100),
                }));

        // Of the prompt only the repetition penalty knows.
        var prompted = new Sampler(new SamplingOptions { RepetitionPenalty = 1.6 });
        prompted.Begin([1]);
        Assert.Equal(2, prompted.Next(logits));
        var unaware = new Sampler(new SamplingOptions { PresencePenalty = 2 });
        unaware.Begin([1]);
        Assert.Equal(1, unaware.Next(logits));

        int After(SamplingOptions options, params int[] generated)
        {
            var sampler = new Sampler(options);
            Array.ForEach(generated, sampler.Accept);
            return sampler.Next(logits);
        }
    }

    [Theory]
    [InlineData(0.6, null, 1.0, new[] { 0, 0.4 / 0.7, 0, 0.3 / 0.7 })]
    [InlineData(0.3, null, 1.0, new[] { 0, 0.4 / 0.9, 0.2 / 0.9, 0.3 / 0.9 })]
    [InlineData(1.0, null, 1.0, new[] { 0.0, 1, 0, 0 })]
    [InlineData(0.6, 3, 0.99, new[] { 0, 0.4 / 0.7, 0, 0.3 / 0.7 })]
    [InlineData(0.3, 2, 1.0, new[] { 0, 0.4 / 0.7, 0, 0.3 / 0.7 })]
    public void MinPLeavesOutWhatIsMuchLessLikely(double minP, int? topK, double topP, double[] expected)
    {
        const int Draws = 20_000;
        var sampler = new Sampler(new SamplingOptions { Temperature = 1, MinP = minP, TopK = topK, TopP = topP, Seed = 9 });
        var counts = new int[4];
        for (int i = 0; i < Draws; i++)
        {
            counts[sampler.Next(Logits)]++;
        }

        for (int token = 0; token < 4; token++)
        {
            double deviation = Math.Sqrt(expected[token] * (1 - expected[token]) / Draws);
            Assert.InRange(
                (double)counts[token] / Draws, expected[token] - (5 * deviation) - 1e-9, expected[token] + (5 * deviation) + 1e-9);
        }
    }

    [Fact]
    public void AMaskLeavesOnlyWhatIsAllowed()
    {
        var sampler = new Sampler(new SamplingOptions { Temperature = 1, Seed = 1 });
        for (int i = 0; i < 200; i++)
        {
            Assert.Contains(sampler.Next(Logits, [0b0100], [0]), new[] { 0, 2 });
        }

        Assert.Equal(2, new Sampler(new SamplingOptions()).Next(Logits, [0b0100], [0]));
        Assert.Throws<ArgumentException>(() => sampler.Next(Logits, [], []));
        Assert.Equal(0, sampler.Next([float.NegativeInfinity, 1], [1], []));
        Assert.Throws<ArgumentException>(() => sampler.Next([1, float.NegativeInfinity], [2], []));
        Assert.Contains(
            "logit of token 1", Assert.Throws<ArgumentException>(() => sampler.Next([1, float.NaN], [1], [])).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void LogprobsAreThoseOfTheModel()
    {
        TokenLogprobs figures = TokenLogprobs.Of(Logits, 0, 3);
        Assert.Equal(Math.Log(0.1), figures.Logprob, 5);
        Assert.Equal([1, 3, 2], figures.Top.Select(top => top.Token));
        Assert.Equal(Math.Log(0.4), figures.Top[0].Logprob, 5);
        Assert.Empty(TokenLogprobs.Of(Logits, 0, 0).Top);
    }
}
