using System.Collections.Immutable;

namespace Kernels.Serving;

/// <summary>What a server of OpenAI's API allows.</summary>
public sealed record ServerOptions
{
    /// <summary>Where to listen by default: only this machine is answered.</summary>
    public const string DefaultUrls = "http://127.0.0.1:8080";

    /// <summary>Further names that requests may call the model by, beside its own.</summary>
    public ImmutableArray<string> Aliases { get; init; } = [];

    /// <summary>
    /// Addresses to listen on, separated by semicolons; port 0 takes a free one. Of no effect where another application hosts the
    /// endpoints.
    /// </summary>
    public string Urls { get; init; } = DefaultUrls;

    /// <summary>The most bytes of a request's body.</summary>
    public int MaxBodyBytes { get; init; } = 1 << 20;

    /// <summary>The most tokens that a request may ask for.</summary>
    public int MaxTokens { get; init; } = 4096;

    /// <summary>The most texts of a request: its prompts times n or best_of, or its inputs for embeddings.</summary>
    public int MaxChoices { get; init; } = 256;
}
