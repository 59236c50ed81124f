namespace Kernels.Serving;

/// <summary>What a request asks of the engine, and how its texts are told.</summary>
/// <param name="Requests">One for each prompt.</param>
/// <param name="Choices">Texts of each prompt that are told.</param>
/// <param name="Best">Texts of each prompt that are generated; the likeliest are told.</param>
internal sealed record CompletionJob(GenerationRequest[] Requests, int Choices, int Best)
{
    /// <summary>The chat; null for completions.</summary>
    public ChatRequest? Chat { get; init; }

    /// <summary>The prompts' texts, where they are told before what was generated.</summary>
    public string[]? Echo { get; init; }

    /// <summary>Whether figures of tokens are told.</summary>
    public bool Logprobs { get; init; }
}
