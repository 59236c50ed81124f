namespace Kernels.Decoding;

/// <summary>A piece of a generation.</summary>
/// <param name="Token">The token; null in the last piece.</param>
/// <param name="Text">
/// The text that is certain now: it may lag behind the tokens, where a character or a stop string may be incomplete.
/// </param>
/// <param name="Finish">Why the generation ended, in the last piece only.</param>
public readonly record struct GenerationChunk(int? Token, string Text, FinishReason? Finish)
{
    /// <summary>How likely the token was, where that was asked for.</summary>
    public TokenLogprobs? Logprobs { get; init; }
}
