using System.Diagnostics;

namespace Decoders;

/// <summary>Measures the steps of a model.</summary>
internal static class ModelBenchmark
{
    /// <summary>Tokens that a sequence grows by while its steps are measured.</summary>
    public const int Growth = 4 * Runs;

    private const int Runs = 9;

    /// <summary>Measures a prompt, and a step of a token behind it of each of some sequences.</summary>
    /// <param name="decoder">The model, with room for the prompt and <see cref="Growth"/> tokens more of as many sequences.</param>
    /// <param name="context">Tokens of the prompt.</param>
    /// <param name="batches">Sequences that run side by side.</param>
    /// <param name="times">Measures the kernels.</param>
    public static IEnumerable<StepSpeed> Run(Decoder decoder, int context, int[] batches, LaunchTimes times)
    {
        int vocabulary = decoder.Config.VocabularySize;
        var logits = new float[vocabulary * batches.Max()];
        int[] prompt = new int[context];
        Array.Fill(prompt, Math.Min(1, vocabulary - 1));
        yield return Measure("prefill", prompt.Length, () =>
        {
            decoder.Reset(0);
            return Timed(() => decoder.Forward(0, prompt, LogitRows.Last, logits.AsSpan(0, vocabulary)));
        });
        foreach (int batch in batches)
        {
            for (int sequence = 0; sequence < batch; sequence++)
            {
                decoder.Reset(sequence);
                decoder.Forward(sequence, prompt, LogitRows.Last, logits.AsSpan(0, vocabulary));
            }

            (int, int)[] step = [.. Enumerable.Range(0, batch).Select(sequence => (sequence, 1))];
            times.Clear();
            StepSpeed speed = Measure(
                $"decode, batch {batch}", batch,
                () => Timed(() => decoder.Forward(prompt.AsSpan(0, batch), step, LogitRows.Last, logits.AsSpan(0, batch * vocabulary))));
            yield return decoder.DrawsOnDevice ? speed with { Seconds = StepAhead(decoder, batch) } : speed;
        }

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

    // As an engine runs them: the next step begins while the host looks at the tokens of the last one.
    private static double StepAhead(Decoder decoder, int batch)
    {
        (int, int)[] step = [.. Enumerable.Range(0, batch).Select(sequence => (sequence, 1))];
        int[] rows = [.. Enumerable.Range(0, batch)];
        int[] tokens = new int[batch];
        var draws = new StepDraws();
        for (int row = 0; row < batch; row++)
        {
            draws.Add(TokenDraw.Greedy);
        }

        using DrawnTokens first = decoder.CreateDrawnTokens(), second = decoder.CreateDrawnTokens();
        (DrawnTokens current, DrawnTokens next) = (first, second);
        decoder.Submit(tokens, step, rows, draws, current);
        for (int row = 0; row < batch; row++)
        {
            tokens[row] = -1 - row;
        }

        return Timed(() =>
        {
            for (int i = 0; i < Runs; i++)
            {
                decoder.Submit(tokens, step, rows, draws, next);
                _ = current.Wait();
                (current, next) = (next, current);
            }
        }) / Runs;
    }

    private static double Timed(Action step)
    {
        long begin = Stopwatch.GetTimestamp();
        step();
        return Stopwatch.GetElapsedTime(begin).TotalSeconds;
    }
}
