namespace Kernels.Decoding;

/// <summary>Continues the text of one sequence of a decoder, token by token.</summary>
/// <param name="decoder">The decoder.</param>
/// <param name="sequence">The sequence; it may hold tokens already.</param>
public sealed class Generator(Decoder decoder, int sequence = 0)
{
    /// <summary>The most tokens of a prompt that run at a time: it bounds the memory that activations take.</summary>
    public const int PromptPiece = 512;

    private readonly float[] logits = new float[decoder.Config.VocabularySize];

    /// <summary>The logits after the last token that was run, [vocabulary].</summary>
    public ReadOnlySpan<float> Logits => logits;

    /// <summary>Runs the tokens of a prompt.</summary>
    /// <param name="prompt">The tokens, at least 1.</param>
    /// <param name="cancellation">Asked between pieces of the prompt.</param>
    /// <exception cref="OperationCanceledException">It was cancelled; the sequence holds part of the prompt.</exception>
    public void Prefill(ReadOnlySpan<int> prompt, CancellationToken cancellation = default)
    {
        if (prompt.IsEmpty)
        {
            throw new ArgumentException("A prompt has at least one token.", nameof(prompt));
        }

        decoder.ExpectLength(sequence, decoder.Length(sequence) + prompt.Length);
        for (int start = 0; start < prompt.Length; start += PromptPiece)
        {
            cancellation.ThrowIfCancellationRequested();
            decoder.Forward(sequence, prompt.Slice(start, Math.Min(PromptPiece, prompt.Length - start)), LogitRows.Last, logits);
        }
    }

    /// <summary>Runs one more token.</summary>
    public void Decode(int token) => decoder.Forward(sequence, [token], LogitRows.Last, logits);
}
