using Kernels.OpenCL;

namespace Decoders;

/// <summary>Runs the steps of a checkpoint, and times them.</summary>
internal static class DecoderMeasurement
{
    private const int PieceTokens = 512;

    /// <summary>Seconds of a step with one new token for each sequence.</summary>
    /// <param name="device">The device.</param>
    /// <param name="folder">The checkpoint.</param>
    /// <param name="attention">Makes its attention.</param>
    /// <param name="batch">Sequences.</param>
    /// <param name="context">Tokens of each, the new one included.</param>
    /// <exception cref="ComputeException">The device cannot hold or run it.</exception>
    public static double Decode(ComputeDevice device, string folder, AttentionFactory attention, int batch, int context)
    {
        // Each run makes the sequences a token longer; the last one ends at the context that was asked for, if it is long enough.
        int filled = Math.Max(1, context - StepMeasurement.MostRuns - 1);
        using Decoder decoder = Decoder.Load(device, folder, batch, filled + StepMeasurement.MostRuns + 1, attention);
        for (int sequence = 0; sequence < batch; sequence++)
        {
            for (int length = 0; length < filled;)
            {
                int piece = Math.Min(PieceTokens, filled - length);
                decoder.Forward(new int[piece], [(sequence, piece)], ReadOnlySpan<int>.Empty, []);
                length += piece;
            }
        }

        float[] logits = new float[(long)batch * decoder.Config.VocabularySize];
        var step = Enumerable.Range(0, batch).Select(sequence => (sequence, 1)).ToArray();
        var tokens = new int[batch];
        return StepMeasurement.Median(() => decoder.Forward(tokens, step, LogitRows.Last, logits));
    }

    /// <summary>Seconds of a step with a whole prompt for each sequence.</summary>
    /// <inheritdoc cref="Decode"/>
    /// <param name="device">The device.</param>
    /// <param name="folder">The checkpoint.</param>
    /// <param name="attention">Makes its attention.</param>
    /// <param name="batch">Sequences.</param>
    /// <param name="tokens">Tokens of each prompt.</param>
    public static double Prefill(ComputeDevice device, string folder, AttentionFactory attention, int batch, int tokens)
    {
        using Decoder decoder = Decoder.Load(device, folder, batch, tokens, attention);
        float[] logits = new float[(long)batch * decoder.Config.VocabularySize];
        var step = Enumerable.Range(0, batch).Select(sequence => (sequence, tokens)).ToArray();
        var ids = new int[checked(batch * tokens)];
        return StepMeasurement.Median(() =>
        {
            for (int sequence = 0; sequence < batch; sequence++)
            {
                decoder.Reset(sequence);
            }

            decoder.Forward(ids, step, LogitRows.Last, logits);
        });
    }
}
