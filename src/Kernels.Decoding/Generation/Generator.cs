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

    /// <summary>
    /// Draws the tokens that come next, behind those that were run, and runs each when the one after it is asked for. Where tokens are
    /// drawn on the device, it goes on while the caller looks at them: the sequence may then hold the last token too.
    /// </summary>
    /// <param name="sampler">Draws the tokens; it has taken the prompt.</param>
    /// <param name="most">The most tokens.</param>
    /// <exception cref="ArgumentException">A logit is not a number.</exception>
    public IEnumerable<int> Continue(Sampler sampler, int most)
    {
        ArgumentNullException.ThrowIfNull(sampler);
        ArgumentOutOfRangeException.ThrowIfNegative(most);
        return !decoder.DrawsOnDevice ? ContinueOnHost(sampler, most) : ContinueOnDevice(sampler, most);
    }

    private IEnumerable<int> ContinueOnHost(Sampler sampler, int most)
    {
        for (int i = 0; i < most; i++)
        {
            int token = sampler.Next(logits);
            sampler.Accept(token);
            yield return token;
            if (i + 1 < most)
            {
                Decode(token);
            }
        }
    }

    private IEnumerable<int> ContinueOnDevice(Sampler sampler, int most)
    {
        if (most == 0)
        {
            yield break;
        }

        // The first follows logits that are here already.
        int token = sampler.Next(logits);
        sampler.Accept(token);
        yield return token;
        using DrawnTokens first = decoder.CreateDrawnTokens(), second = decoder.CreateDrawnTokens();
        (DrawnTokens current, DrawnTokens next) = (first, second);
        var draws = new StepDraws();
        if (most > 1)
        {
            Submit(token, current);
        }

        for (int i = 1; i < most; i++)
        {
            bool isAhead = i + 1 < most && sampler.IsAheadOfTokens;
            if (isAhead)
            {
                Submit(-1, next);
            }

            token = Sampler.Checked(current.Wait()[0]);
            sampler.Accept(token);
            yield return token;
            if (!isAhead && i + 1 < most)
            {
                Submit(token, next);
            }

            (current, next) = (next, current);
        }

        void Submit(int token, DrawnTokens drawn)
        {
            draws.Clear();
            draws.Add(sampler);
            decoder.Submit([token], [(sequence, 1)], [0], draws, drawn);
        }
    }

    /// <summary>Runs one more token.</summary>
    public void Decode(int token) => decoder.Forward(sequence, [token], LogitRows.Last, logits);
}
