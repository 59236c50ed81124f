using System.Collections.Immutable;
using Kernels.Conformance;
using Kernels.OpenCL;
using Xunit;

namespace Kernels.Decoding.Tests;

/// <summary>Tokens drawn on the device.</summary>
[Collection(DeviceCollection.Name)]
public sealed class DrawTokensTests(Devices devices)
{
    public static TheoryData<int, string> Rows()
    {
        var rows = new TheoryData<int, string>();
        foreach (DrawCheck check in DrawCheck.All)
        {
            rows.Add(check.Vocabulary, check.Kind);
        }

        return rows;
    }

    [SkippableTheory]
    [MemberData(nameof(Rows))]
    public void DrawsWhatItsNumberSaysAmongWhatIsKept(int vocabulary, string kind) =>
        Assert.Null(new DrawCheck(vocabulary, kind).Run(devices.OpenFirst()));

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
            new() { RepetitionPenalty = 0.6, FrequencyPenalty = -1, LogitBias = Biases((3, 4.0), (50, -8), (99, 2.5), (1 << 20, 100)) },
            new() { LogitBias = Biases((7, 6)) },
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

    private static ImmutableDictionary<int, double> Biases(params (int Token, double Bias)[] biases) =>
        ImmutableDictionary.CreateRange(biases.Select(bias => KeyValuePair.Create(bias.Token, bias.Bias)));

    private static int[] Draw(ComputeDevice device, float[] logits, int vocabulary, Action<StepDraws> add)
    {
        var draws = new StepDraws();
        add(draws);
        return DrawCheck.Draw(device, logits, vocabulary, draws);
    }
}
