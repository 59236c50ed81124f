using Kernels.OpenCL;
using Xunit;

namespace Kernels.Decoding.Tests;

/// <summary>Tokens drawn on the device beside what float64 says may be drawn.</summary>
[Collection(DeviceCollection.Name)]
public sealed class DrawTokensTests(Devices devices)
{
    // Weights in float32, and what rounds a logit over a bound.
    private const double Tolerance = 2e-5;

    public static TheoryData<int, string> Rows()
    {
        var rows = new TheoryData<int, string>();
        foreach (int vocabulary in (int[])[1, 7, 257, 5000])
        {
            foreach (string kind in (string[])["normal", "peaked", "equal", "few values", "around zero", "far", "half impossible"])
            {
                rows.Add(vocabulary, kind);
            }
        }

        return rows;
    }

    [SkippableTheory]
    [MemberData(nameof(Rows))]
    public void DrawsWhatItsNumberSaysAmongWhatIsKept(int vocabulary, string kind)
    {
        ComputeDevice device = devices.OpenFirst();
        var random = new Random(vocabulary + kind.Length);
        var options = new List<SamplingOptions>();
        foreach (double temperature in (double[])[0, 0.3, 1, 2.5])
        {
            foreach (int? topK in (int?[])[null, 1, 3, 40, 300])
            {
                foreach (double topP in (double[])[1, 0.95, 0.5, 1e-6])
                {
                    options.Add(new() { Temperature = temperature, TopK = topK, TopP = topP, MinP = random.Next(3) == 0 ? 0.05 : 0, Seed = random.Next() });
                }
            }
        }

        float[] logits = [.. options.SelectMany(_ => Row(random, vocabulary, kind))];
        int[] drawn = Draw(device, logits, vocabulary, draws => options.ForEach(option => draws.Add(new Sampler(option))));

        for (int row = 0; row < options.Count; row++)
        {
            double uniform = new Random(options[row].Seed!.Value).NextDouble();
            AssertMayBeDrawn(logits.AsSpan(row * vocabulary, vocabulary), options[row], uniform, drawn[row]);
        }
    }

    [SkippableFact]
    public void SaysWhereNothingCanBeDrawn()
    {
        ComputeDevice device = devices.OpenFirst();
        const int Vocabulary = 3000;
        var logits = new float[5 * Vocabulary];
        logits[2100] = float.NaN;
        Array.Fill(logits, float.NegativeInfinity, Vocabulary, Vocabulary);
        logits[(2 * Vocabulary) + 2999] = float.PositiveInfinity;
        logits[(3 * Vocabulary) + 2100] = float.NaN;
        logits[(3 * Vocabulary) + 2300] = float.PositiveInfinity;
        logits[4 * Vocabulary] = float.NaN;
        foreach (double temperature in (double[])[0, 1])
        {
            int[] drawn = Draw(device, logits, Vocabulary, draws =>
            {
                for (int row = 0; row < 5; row++)
                {
                    draws.Add(new Sampler(new SamplingOptions { Temperature = temperature, TopK = 5 }));
                }
            });
            Assert.Equal([DrawnTokens.NotANumber, DrawnTokens.AllImpossible, 2999, DrawnTokens.NotANumber, DrawnTokens.NotANumber], drawn);
        }
    }

    /// <summary>Penalties, biases and masks, as the host has them: the likeliest of what is left.</summary>
    [SkippableFact]
    public void ChangesLogitsAsTheHostDoes()
    {
        ComputeDevice device = devices.OpenFirst();
        const int Vocabulary = 100;
        var random = new Random(8);
        SamplingOptions[] options =
        [
            new() { RepetitionPenalty = 1.7 },
            new() { FrequencyPenalty = 1.5, PresencePenalty = 0.5 },
            new() { RepetitionPenalty = 0.6, FrequencyPenalty = -1, LogitBias = SamplingOptionsOf((3, 4.0), (50, -8), (99, 2.5), (1 << 20, 100)) },
            new() { LogitBias = SamplingOptionsOf((7, 6)) },
            new(),
        ];
        for (int trial = 0; trial < 20; trial++)
        {
            float[] logits = [.. Enumerable.Range(0, options.Length * Vocabulary).Select(_ => (float)((random.NextDouble() * 6) - 3))];
            ulong[] allowed = [(ulong)random.NextInt64(), trial % 2 == 0 ? 0 : (ulong)random.NextInt64()];
            int[] ends = [trial, 97];
            Sampler[] samplers = [.. options.Select(option => new Sampler(option))];
            foreach (Sampler sampler in samplers)
            {
                sampler.Begin([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
                for (int i = 0; i < 30; i++)
                {
                    sampler.Accept(random.Next(Vocabulary));
                }
            }

            int[] drawn = Draw(device, logits, Vocabulary, draws =>
            {
                for (int row = 0; row < samplers.Length; row++)
                {
                    if (row % 2 == 0)
                    {
                        draws.Mask(allowed, ends, Vocabulary);
                    }

                    draws.Add(samplers[row]);
                }
            });
            for (int row = 0; row < samplers.Length; row++)
            {
                ReadOnlySpan<float> own = logits.AsSpan(row * Vocabulary, Vocabulary);
                Assert.Equal(row % 2 == 0 ? samplers[row].Next(own, allowed, ends) : samplers[row].Next(own), drawn[row]);
            }
        }
    }

    private static System.Collections.Immutable.ImmutableDictionary<int, double> SamplingOptionsOf(params (int Token, double Bias)[] biases) =>
        System.Collections.Immutable.ImmutableDictionary.CreateRange(biases.Select(bias => KeyValuePair.Create(bias.Token, bias.Bias)));

    private static int[] Draw(ComputeDevice device, float[] logits, int vocabulary, Action<StepDraws> add)
    {
        var draws = new StepDraws();
        add(draws);
        var words = new int[3 + draws.Words];
        draws.Write(words.AsSpan(3));
        using var kernels = new LayerKernels(device);
        using DeviceBuffer<float> rows = device.Upload<float>(logits);
        using DeviceBuffer<int> data = device.Upload<int>(words);
        using DeviceBuffer<int> drawn = device.Allocate<int>(draws.Rows);
        kernels.DrawTokens(rows, draws, data, 3, drawn, vocabulary);
        var tokens = new int[draws.Rows];
        device.Queue.Read(drawn, tokens.AsSpan());
        return tokens;
    }

    private static float[] Row(Random random, int vocabulary, string kind) => [.. Enumerable.Range(0, vocabulary).Select(_ => kind switch
    {
        "normal" => (float)(4 * Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(6.283 * random.NextDouble())),
        "peaked" => random.Next(50) == 0 ? 30 + random.Next(3) : (float)random.NextDouble(),
        "equal" => 1.5f,
        "few values" => random.Next(4),
        "around zero" => (float)((random.NextDouble() - 0.5) * Math.Pow(10, -random.Next(12))),
        "far" => (float)(random.NextDouble() * 1e6),
        _ => random.Next(2) == 0 ? float.NegativeInfinity : (float)random.NextDouble(),
    })];

    // In the order of tokens, the drawn one's share of the weights that are kept must hold the number.
    private static void AssertMayBeDrawn(ReadOnlySpan<float> logits, SamplingOptions options, double uniform, int drawn)
    {
        float[] row = logits.ToArray();
        if (options.Temperature == 0 || float.IsNegativeInfinity(row.Max()))
        {
            Assert.Equal(float.IsNegativeInfinity(row.Max()) ? DrawnTokens.AllImpossible : Sampler.Greedy(row), drawn);
            return;
        }

        double greatest = row.Max();
        double[] weights = [.. row.Select(logit => Math.Exp((logit - greatest) / options.Temperature))];
        int[] order = [.. Enumerable.Range(0, row.Length).OrderByDescending(token => row[token]).ThenBy(token => token).Take(options.TopK ?? row.Length)];
        double all = order.Sum(token => weights[token]);
        double reached = 0;
        var kept = new HashSet<int>();
        var perhaps = new HashSet<int>();
        foreach (int token in order)
        {
            // What is kept at a bound that sums only just reach is a matter of rounding.
            if (options.TopP < 1 && reached >= (options.TopP * all) - (Tolerance * all))
            {
                if (reached >= (options.TopP * all) + (Tolerance * all))
                {
                    break;
                }

                perhaps.Add(token);
            }

            if (weights[token] >= options.MinP)
            {
                kept.Add(token);
            }

            reached += weights[token];
        }

        Assert.Contains(drawn, kept);
        if (perhaps.Count > 0)
        {
            return;
        }

        double total = kept.Sum(token => weights[token]);
        double before = kept.Where(token => token < drawn).Sum(token => weights[token]);
        Assert.InRange(uniform, (before / total) - Tolerance, ((before + weights[drawn]) / total) + Tolerance);
    }
}
