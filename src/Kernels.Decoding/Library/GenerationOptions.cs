using System.Collections.Immutable;

namespace Kernels.Decoding;

/// <summary>How <see cref="LanguageModel.GenerateAsync"/> continues a text.</summary>
public sealed record GenerationOptions
{
    /// <summary>The most tokens to generate; null for as many as the context has room for.</summary>
    public int? MaxTokens { get; init; }

    /// <summary>How tokens are drawn; null for the model's own defaults, <see cref="LanguageModel.Sampling"/>.</summary>
    public SamplingOptions? Sampling { get; init; }

    /// <summary>The text ends before the first of these.</summary>
    public ImmutableArray<string> Stop { get; init; } = [];

    /// <summary>Further tokens that end the text.</summary>
    public ImmutableArray<int> StopTokens { get; init; } = [];

    /// <summary>What the text is held to; null for nothing.</summary>
    public JsonGrammar? Format { get; init; }

    /// <summary>Whether generation goes on after a token of the model that ends a text.</summary>
    public bool IgnoreEnd { get; init; }
}
