namespace Kernels.Decoding;

/// <summary>How a <see cref="DecodingEngine"/> runs requests.</summary>
public sealed record EngineOptions
{
    /// <summary>
    /// The most tokens of a step, over all sequences: longer prompts run in pieces, beside the tokens of others. At least one for each
    /// sequence.
    /// </summary>
    public int StepTokens { get; init; } = 256;

    /// <summary>The model's name, for figures.</summary>
    public string ModelName { get; init; } = "";

    /// <summary>Requests that may wait beside as many as run at a time; further ones are refused.</summary>
    public int QueueLimit { get; init; } = 256;

    /// <summary>What becomes of the latest sequence when pages run out.</summary>
    public Preemption Preemption { get; init; } = Preemption.SwapOut;

    /// <summary>Whether requests share the pages of equal prefixes, also with requests that have ended.</summary>
    public bool ReusePrefixes { get; init; } = true;

    /// <summary>The most tokens that are guessed from the text so far and checked in one step, for greedy requests; 0: none.</summary>
    public int DraftTokens { get; init; }

    /// <exception cref="ArgumentOutOfRangeException">An option is outside its range.</exception>
    internal void Check(int sequences)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(StepTokens, sequences);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(QueueLimit);
        ArgumentOutOfRangeException.ThrowIfNegative(DraftTokens);
        if (!Enum.IsDefined(Preemption))
        {
            throw new ArgumentOutOfRangeException(nameof(Preemption), Preemption, "No such way to preempt.");
        }
    }
}
