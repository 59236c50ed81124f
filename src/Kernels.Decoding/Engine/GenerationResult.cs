using System.Collections.Immutable;

namespace Kernels.Decoding;

/// <summary>A whole generation.</summary>
/// <param name="Tokens">The generated tokens.</param>
/// <param name="Text">Their text, up to a stop string.</param>
/// <param name="Finish">Why it ended.</param>
public sealed record GenerationResult(ImmutableArray<int> Tokens, string Text, FinishReason Finish)
{
    /// <summary>How likely each token was; empty where that was not asked for.</summary>
    public ImmutableArray<TokenLogprobs> Logprobs { get; init; } = [];
}
