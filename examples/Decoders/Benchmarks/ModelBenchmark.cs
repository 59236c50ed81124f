using System.Diagnostics;

namespace Decoders;

/// <summary>How fast a step of a model ran, and where its time goes.</summary>
/// <param name="Step">Which step.</param>
/// <param name="Tokens">Its tokens.</param>
/// <param name="Seconds">The median of several runs.</param>
/// <param name="Linear">The part of linear layers in a step whose launches are each waited for.</param>
/// <param name="Layers">The part of the other kernels around attention.</param>
internal sealed record StepSpeed(string Step, int Tokens, double Seconds, double Linear, double Layers)
{
    /// <summary>The part of attention, planning, and what the host does.</summary>
    public double Attention => 1 - Linear - Layers;
}

/// <summary>Measures the steps of a model.</summary>
internal static class ModelBenchmark
{
    private const int Runs = 9;

    /// <summary>Measures a prompt of as many tokens as the decoder has room for, and a token after it.</summary>
    public static IEnumerable<StepSpeed> Run(Decoder decoder, LaunchTimes times)
    {
        var logits = new float[decoder.Config.VocabularySize];
        int[] prompt = new int[decoder.Capacity - 1];
        Array.Fill(prompt, Math.Min(1, decoder.Config.VocabularySize - 1));
        yield return Measure("prefill", prompt.Length, () =>
        {
            decoder.Reset(0);
            return Timed(() => decoder.Forward(0, prompt, LogitRows.Last, logits));
        });
        yield return Measure("decode", 1, () =>
        {
            decoder.Reset(0);
            decoder.Forward(0, prompt, LogitRows.Last, logits);
            times.Clear();
            return Timed(() => decoder.Forward(0, prompt.AsSpan(0, 1), LogitRows.Last, logits));
        });

        StepSpeed Measure(string step, int tokens, Func<double> run)
        {
            run();
            double[] seconds = [.. Enumerable.Range(0, Runs).Select(_ => run()).Order()];
            decoder.Kernels.Times = times;
            (double Linear, double Layers)[] shares =
            [
                .. Enumerable.Range(0, Runs).Select(_ =>
                {
                    times.Clear();
                    double whole = run();
                    double linear = times.Of("linear").TotalSeconds;
                    return (linear / whole, (times.Of("").TotalSeconds - linear) / whole);
                }).OrderBy(share => share.Item1),
            ];
            decoder.Kernels.Times = null;
            return new(step, tokens, seconds[Runs / 2], shares[Runs / 2].Linear, shares[Runs / 2].Layers);
        }
    }

    private static double Timed(Action step)
    {
        long begin = Stopwatch.GetTimestamp();
        step();
        return Stopwatch.GetElapsedTime(begin).TotalSeconds;
    }
}
