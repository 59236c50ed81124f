using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using System.Text;
using System.Threading.Channels;

namespace Kernels.Decoding;

/// <summary>
/// A request under way, as its sender sees it. Pieces wait until they are read, at most one for each token and the last one.
/// Thread-safe, but for one reader.
/// </summary>
public sealed class Generation
{
    private readonly Channel<GenerationChunk> chunks =
        Channel.CreateUnbounded<GenerationChunk>(new UnboundedChannelOptions { SingleReader = true, SingleWriter = true });

    private volatile bool cancelled;
    private volatile int reusedTokens;

    internal Generation(int promptTokens) => PromptTokens = promptTokens;

    /// <summary>Tokens of the prompt.</summary>
    public int PromptTokens { get; }

    /// <summary>Of these, the ones whose keys and values were there already when the request was started.</summary>
    public int ReusedTokens
    {
        get => reusedTokens;
        internal set => reusedTokens = value;
    }

    internal bool IsCancelled => cancelled;

    /// <summary>Ends the generation at the next step, which frees its pages. No effect on one that has ended.</summary>
    public void Cancel() => cancelled = true;

    /// <summary>The pieces as they come. To stop reading before the last one cancels the generation.</summary>
    /// <exception cref="OperationCanceledException"><paramref name="cancellation"/> was signalled.</exception>
    /// <exception cref="Exception">The device or the engine failed.</exception>
    public async IAsyncEnumerable<GenerationChunk> ReadAsync([EnumeratorCancellation] CancellationToken cancellation = default)
    {
        try
        {
            await foreach (GenerationChunk chunk in chunks.Reader.ReadAllAsync(cancellation).ConfigureAwait(false))
            {
                yield return chunk;
            }
        }
        finally
        {
            Cancel();
        }
    }

    /// <summary>Waits for the end.</summary>
    /// <inheritdoc cref="ReadAsync"/>
    public async Task<GenerationResult> CompleteAsync(CancellationToken cancellation = default)
    {
        ImmutableArray<int>.Builder tokens = ImmutableArray.CreateBuilder<int>();
        ImmutableArray<TokenLogprobs>.Builder logprobs = ImmutableArray.CreateBuilder<TokenLogprobs>();
        var text = new StringBuilder();
        FinishReason finish = FinishReason.Cancelled;
        await foreach (GenerationChunk chunk in ReadAsync(cancellation).ConfigureAwait(false))
        {
            if (chunk.Token is { } token)
            {
                tokens.Add(token);
            }

            if (chunk.Logprobs is { } figures)
            {
                logprobs.Add(figures);
            }

            text.Append(chunk.Text);
            finish = chunk.Finish ?? finish;
        }

        return new GenerationResult(tokens.ToImmutable(), text.ToString(), finish) { Logprobs = logprobs.ToImmutable() };
    }

    internal void Write(GenerationChunk chunk) => chunks.Writer.TryWrite(chunk);

    internal void Complete(Exception? error) => chunks.Writer.TryComplete(error);
}
