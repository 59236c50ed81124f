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

    /// <summary>Whether generation goes on after a token of the model that ends a text.</summary>
    public bool IgnoreEnd { get; init; }

    /// <summary>
    /// How many of the likeliest tokens are told beside each token, with their probabilities; 0 for the token's own only, null for nothing.
    /// </summary>
    public int? Logprobs { get; init; }

    /// <summary>
    /// Makes what each of the request's texts is held to; null for nothing. It is asked once for each choice, by the sender's thread.
    /// </summary>
    public Func<ITokenMask>? Mask { get; init; }

    /// <summary>What the request is called in figures, by OpenTelemetry's conventions: text_completion or chat.</summary>
    public string Operation { get; init; } = Telemetry.TextCompletion;

    /// <summary>Special tokens that come as text all the same; others never do.</summary>
    public ImmutableArray<int> ShownTokens { get; init; } = [];
}
