using Kernels.Decoding;
using Kernels.OpenCL;

namespace Kernels.Conformance;

/// <summary>Tokens drawn on the device against what double precision says may be drawn: every way to draw, over rows of one kind.</summary>
/// <param name="Vocabulary">Logits of a row.</param>
/// <param name="Kind">What the logits are like.</param>
internal sealed record DrawCheck(int Vocabulary, string Kind)
{
    // Weights in float32, and what rounds a logit over a bound.
    private const double Tolerance = 2e-5;

    /// <summary>Every check.</summary>
    public static IEnumerable<DrawCheck> All =>
        from vocabulary in (int[])[1, 7, 257, 5000]
        from kind in (string[])["normal", "peaked", "equal", "few values", "around zero", "far", "half impossible"]
        select new DrawCheck(vocabulary, kind);

    /// <summary>Runs it.</summary>
    /// <returns>What is wrong; null if nothing is.</returns>
    public string? Run(ComputeDevice device)
    {
        // Not GetHashCode: it differs from run to run.
        var random = new Random(Vocabulary + Kind.Length);
        var options = new List<SamplingOptions>();
        foreach (double temperature in (double[])[0, 0.3, 1, 2.5])
        {
            foreach (int? topK in (int?[])[null, 1, 3, 40, 300])
            {
                foreach (double topP in (double[])[1, 0.95, 0.5, 1e-6])
                {
                    options.Add(
                        new()
                        {
                            Temperature = temperature,
                            TopK = topK,
                            TopP = topP,
                            MinP = random.Next(3) == 0 ? 0.05 : 0,
                            Seed = random.Next(),
                        });
                }
            }
        }

        float[] logits = [.. options.SelectMany(_ => Row(random))];
        var draws = new StepDraws();
        options.ForEach(option => draws.Add(new Sampler(option)));
        int[] drawn = Draw(device, logits, Vocabulary, draws);
        for (int row = 0; row < options.Count; row++)
        {
            double uniform = new Random(options[row].Seed!.Value).NextDouble();
            if (Fault(logits[(row * Vocabulary)..((row + 1) * Vocabulary)], options[row], uniform, drawn[row]) is { } fault)
            {
                return $"{options[row]}: {fault}";
            }
        }

        return null;
    }

    /// <summary>What the device draws.</summary>
    /// <param name="device">The device.</param>
    /// <param name="logits">[rows, vocabulary].</param>
    /// <param name="vocabulary">Logits of a row.</param>
    /// <param name="draws">A draw for each row.</param>
    public static int[] Draw(ComputeDevice device, float[] logits, int vocabulary, StepDraws draws)
    {
        // Behind something else, as in a step.
        const int Before = 3;
        var words = new int[Before + draws.Words];
        draws.Write(words.AsSpan(Before));
        using var kernels = new LayerKernels(device);
        using DeviceBuffer<float> rows = device.Upload<float>(logits);
        using DeviceBuffer<int> data = device.Upload<int>(words);
        using DeviceBuffer<int> drawn = device.Allocate<int>(draws.Rows);
        kernels.DrawTokens(rows, draws, data, Before, drawn, vocabulary);
        var tokens = new int[draws.Rows];
        device.Queue.Read(drawn, tokens.AsSpan());
        return tokens;
    }

    private float[] Row(Random random) => [.. Enumerable.Range(0, Vocabulary).Select(_ => Kind switch
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
    private static string? Fault(float[] row, SamplingOptions options, double uniform, int drawn)
    {
        double greatest = row.Max();
        if (options.Temperature == 0 || double.IsNegativeInfinity(greatest))
        {
            int expected = double.IsNegativeInfinity(greatest) ? DrawnTokens.AllImpossible : Sampler.Greedy(row);
            return drawn == expected ? null : $"{drawn} is drawn, not {expected}";
        }

        double[] weights = [.. row.Select(logit => Math.Exp((logit - greatest) / options.Temperature))];
        int[] order =
            [.. Enumerable.Range(0, row.Length).OrderByDescending(token => row[token]).ThenBy(token => token)
                .Take(options.TopK ?? row.Length)];
        double all = order.Sum(token => weights[token]);
        double reached = 0;
        bool isAtBound = false;
        var kept = new HashSet<int>();
        foreach (int token in order)
        {
            // What is kept at a bound that sums only just reach is a matter of rounding.
            if (options.TopP < 1 && reached >= (options.TopP - Tolerance) * all)
            {
                if (reached >= (options.TopP + Tolerance) * all)
                {
                    break;
                }

                isAtBound = true;
            }

            if (weights[token] >= options.MinP)
            {
                kept.Add(token);
            }

            reached += weights[token];
        }

        if (!kept.Contains(drawn))
        {
            return $"{drawn} is drawn, which is none of the {kept.Count} that may be";
        }

        double total = kept.Sum(token => weights[token]);
        double before = kept.Where(token => token < drawn).Sum(token => weights[token]);
        return isAtBound || (uniform >= (before / total) - Tolerance && uniform <= ((before + weights[drawn]) / total) + Tolerance)
            ? null
            : $"{drawn} is drawn for {uniform}, which has {before / total} to {(before + weights[drawn]) / total}";
    }
}
