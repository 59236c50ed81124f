namespace Kernels.Serving;

/// <summary>What a <see cref="DecoderServer"/> serves and what it allows.</summary>
public sealed record ServerOptions
{
    /// <summary>Where to listen by default: only this machine is answered.</summary>
    public const string DefaultUrls = "http://127.0.0.1:8080";

    /// <summary>The model's name in requests and answers.</summary>
    public required string ModelName { get; init; }

    /// <summary>Writes chats as the model was trained on them.</summary>
    public ChatTemplate ChatTemplate { get; init; } = ChatTemplate.Plain;

    /// <summary>Addresses to listen on, separated by semicolons; port 0 takes a free one.</summary>
    public string Urls { get; init; } = DefaultUrls;

    /// <summary>The most bytes of a request's body.</summary>
    public int MaxBodyBytes { get; init; } = 1 << 20;

    /// <summary>The most tokens that a request may ask for.</summary>
    public int MaxTokens { get; init; } = 4096;
}
