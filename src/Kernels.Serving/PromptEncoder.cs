using System.Collections.Immutable;

namespace Kernels.Serving;

/// <summary>Turns texts into tokens beside the threads that answer requests, a few texts at a time.</summary>
internal sealed class PromptEncoder
{
    private readonly TextTokenizer tokenizer;
    private readonly ModelConfig config;
    private readonly SemaphoreSlim turns = new(Math.Max(1, Environment.ProcessorCount / 2));
    private readonly int longestToken;

    public PromptEncoder(TextTokenizer tokenizer, ModelConfig config)
    {
        this.tokenizer = tokenizer;
        this.config = config;
        longestToken = Enumerable.Range(0, tokenizer.Count).Select(id => TokenText.Bytes(tokenizer, id).Length).DefaultIfEmpty(1).Max();
    }

    /// <summary>The tokens of a prompt.</summary>
    /// <param name="text">The prompt.</param>
    /// <param name="room">The most tokens that it may have.</param>
    /// <param name="parameter">The field that it comes from.</param>
    /// <param name="cancellation">The client is gone.</param>
    /// <param name="addSpecialTokens">Whether it gets the tokens that the tokenizer begins and ends texts with.</param>
    /// <exception cref="ApiException">It is empty, or has more tokens.</exception>
    public async Task<ImmutableArray<int>> EncodeAsync(
        string text, int room, string parameter, CancellationToken cancellation, bool addSpecialTokens = true)
    {
        // What cannot fit however it is cut needs no cutting. A character is a byte or more.
        if (text.Length > (long)room * longestToken)
        {
            throw ApiException.BadRequest(
                $"The prompt has {text.Length} characters, which are more than {room} tokens, which the context has.", parameter,
                "context_length_exceeded");
        }

        ImmutableArray<int> tokens;
        if (text.Length < 2048)
        {
            tokens = Encode();
        }
        else
        {
            await turns.WaitAsync(cancellation);
            Task<ImmutableArray<int>> work = Task.Run(
                () =>
                {
                    try
                    {
                        return Encode();
                    }
                    finally
                    {
                        turns.Release();
                    }
                },
                CancellationToken.None);
            tokens = await work.WaitAsync(cancellation);
        }

        if (tokens.IsEmpty)
        {
            throw ApiException.BadRequest("The prompt is empty, and the model has no token that begins a text.", parameter);
        }

        if (tokens.Length > room)
        {
            throw ApiException.BadRequest(
                $"The prompt has {tokens.Length} tokens; the context has {room}.", parameter, "context_length_exceeded");
        }

        // A tokenizer may have tokens that the model has not.
        return tokenizer.Refusal(tokens.AsSpan(), config.VocabularySize) is { } refusal
            ? throw ApiException.BadRequest(refusal, parameter) : tokens;

        ImmutableArray<int> Encode() => [.. tokenizer.Encode(text, addSpecialTokens)];
    }
}
