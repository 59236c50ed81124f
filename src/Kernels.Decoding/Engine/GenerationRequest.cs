using System.Collections.Immutable;

namespace Kernels.Decoding;

/// <summary>A text to continue.</summary>
/// <param name="Prompt">Its tokens, at least one.</param>
/// <param name="MaxTokens">The most tokens to generate, at least one.</param>
public sealed record GenerationRequest(ImmutableArray<int> Prompt, int MaxTokens)
{
    /// <summary>How tokens are drawn; by default the likeliest.</summary>
    public SamplingOptions Sampling { get; init; } = new();

    /// <summary>The text ends before the first of these; none of them may be empty.</summary>
    public ImmutableArray<string> Stop { get; init; } = [];

    /// <summary>Further tokens that end the text, as those of the model do; they are not part of it.</summary>
    public ImmutableArray<int> StopTokens { get; init; } = [];

    /// <summary>Whether generation goes on after a token that ends a text.</summary>
    public bool IgnoreEnd { get; init; }
}

/// <summary>Why a generation ended.</summary>
public enum FinishReason
{
    /// <summary>A stop string, or a token that ends a text.</summary>
    Stop,

    /// <summary>As many tokens as were asked for.</summary>
    Length,

    /// <summary>It was cancelled.</summary>
    Cancelled,
}

/// <summary>A piece of a generation.</summary>
/// <param name="Token">The token; null in the last piece.</param>
/// <param name="Text">The text that is certain now: it may lag behind the tokens, where a character or a stop string may be incomplete.</param>
/// <param name="Finish">Why the generation ended, in the last piece only.</param>
public readonly record struct GenerationChunk(int? Token, string Text, FinishReason? Finish);

/// <summary>A whole generation.</summary>
/// <param name="Tokens">The generated tokens.</param>
/// <param name="Text">Their text, up to a stop string.</param>
/// <param name="Finish">Why it ended.</param>
public sealed record GenerationResult(ImmutableArray<int> Tokens, string Text, FinishReason Finish);
