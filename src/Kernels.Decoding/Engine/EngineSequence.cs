using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Kernels.Decoding;

/// <summary>A request under way, as the engine sees it.</summary>
internal sealed class EngineSequence
{
    private readonly List<int> tokens;
    private readonly Sampler sampler;
    private readonly ITokenMask? mask;
    private readonly int[] ends;
    private readonly TextTokenizer tokenizer;
    private readonly TokenStream text;
    private readonly StopFilter stop;
    private readonly long arrived = Stopwatch.GetTimestamp();
    private TokenLogprobs? logprobs;

    /// <param name="request">What was asked for.</param>
    /// <param name="tokenizer">The model's tokenizer.</param>
    /// <param name="endTokens">The model's tokens that end a text.</param>
    /// <param name="choice">Which of the request's texts this is, from 0.</param>
    /// <exception cref="ArgumentException">The sampling options are not allowed.</exception>
    public EngineSequence(GenerationRequest request, TextTokenizer tokenizer, ReadOnlySpan<int> endTokens, int choice = 0)
    {
        Request = request;
        this.tokenizer = tokenizer;
        tokens = [.. request.Prompt];

        // Each of a request's texts is drawn by a seed of its own.
        sampler = new Sampler(
            request.Sampling.Seed is { } seed ? request.Sampling with { Seed = unchecked(seed + choice) } : request.Sampling);
        sampler.Begin(request.Prompt.AsSpan());
        mask = request.Mask?.Invoke();
        ends = [.. request.IgnoreEnd ? [] : endTokens, .. request.StopTokens];
        text = tokenizer.CreateStream(keepSpecial: true);
        stop = new StopFilter(request.Stop);
        Output = new Generation(request.Prompt.Length);
    }

    /// <summary>A sequence that gives a vector and no text.</summary>
    public EngineSequence(GenerationRequest request, TextTokenizer tokenizer, EmbeddingJob embedding)
        : this(request, tokenizer, [], 0) => Embedding = embedding;

    public GenerationRequest Request { get; }

    public Generation Output { get; }

    /// <summary>What takes the vectors of the prompt's tokens, where no text is wanted; else null.</summary>
    public EmbeddingJob? Embedding { get; }

    /// <summary>The first of a request's texts, of whose prompt the others take the pages; null for itself.</summary>
    public EngineSequence? Leader { get; init; }

    /// <summary>Whether the pages that it is to share are not there yet.</summary>
    public bool IsHeld => Leader is { HasEnded: false, Generated: 0 };

    public bool HasEnded { get; set; }

    /// <summary>The order in which requests came: earlier ones keep their pages.</summary>
    public long Arrival { get; set; }

    /// <summary>The decoder's number of the sequence; −1 while it holds nothing.</summary>
    public int Slot { get; set; } = -1;

    public bool IsSwappedOut { get; set; }

    /// <summary>Known tokens that the step in the making runs; 0 if the sequence takes no part.</summary>
    public int Planned { get; set; }

    /// <summary>Guessed tokens that the step runs after them.</summary>
    public List<int> Draft { get; } = [];

    /// <summary>The prompt and what was generated.</summary>
    public ReadOnlySpan<int> Tokens => CollectionsMarshal.AsSpan(tokens);

    public int Generated => tokens.Count - Request.Prompt.Length;

    /// <summary>Time from arrival to the first token; null before.</summary>
    public TimeSpan? TimeToFirstToken { get; private set; }

    /// <summary>Time since arrival.</summary>
    public TimeSpan Age => Stopwatch.GetElapsedTime(arrived);

    /// <summary>The row of the step under way whose token comes next, which only the device knows; null if all are known.</summary>
    public int? UnreadRow { get; set; }

    /// <summary>Whether a step can begin with a token of this that only the device knows: nothing on the host depends on it.</summary>
    public bool CanRunAhead => mask is null && Embedding is null && Request.Logprobs is null && sampler.IsAheadOfTokens;

    /// <summary>Draws the next token on the host.</summary>
    /// <exception cref="ArgumentException">A logit is not a number, or no token may come.</exception>
    /// <exception cref="InvalidOperationException">What the text is held to is too large.</exception>
    public int Draw(ReadOnlySpan<float> logits)
    {
        int token = mask is null ? sampler.Next(logits) : sampler.Next(logits, mask.Allowed, Ends);
        logprobs = Request.Logprobs is { } top ? TokenLogprobs.Of(logits, token, top) : null;
        return token;
    }

    /// <summary>
    /// Whether a token that depends on guesses before it is to be drawn on the host: what it is held to depends on them, too.
    /// </summary>
    public bool DrawsGuessesOnHost => mask is not null || !sampler.IsAheadOfTokens;

    /// <summary>Hands the draw of the next token to the device.</summary>
    /// <param name="draws">The draws of the step.</param>
    /// <param name="vocabulary">Logits of a row.</param>
    /// <param name="onHost">Whether the host draws instead, from the logits.</param>
    public void AddDraw(StepDraws draws, int vocabulary, bool onHost)
    {
        if (onHost || Request.Logprobs is not null)
        {
            draws.WantLogits();
        }

        if (onHost)
        {
            draws.Add(TokenDraw.Greedy);
            return;
        }

        if (mask is not null)
        {
            try
            {
                draws.Mask(mask.Allowed, Ends, vocabulary);
            }
            catch (InvalidOperationException)
            {
                // What the text is held to is too large, which it says again when the token is taken.
            }
        }

        draws.Add(sampler);
    }

    /// <summary>Takes a token that was drawn on the device.</summary>
    /// <param name="token">The token, or why there is none.</param>
    /// <param name="logits">The logits that it was drawn from, where logprobs are wanted.</param>
    /// <exception cref="ArgumentException">A logit is not a number, or no token may come.</exception>
    /// <exception cref="InvalidOperationException">What the text is held to is too large.</exception>
    public int Take(int token, ReadOnlySpan<float> logits)
    {
        _ = mask is null ? 0 : mask.Allowed.Length;
        if (token == DrawnTokens.AllImpossible && mask is not null)
        {
            throw new ArgumentException(
                "None of the vocabulary's tokens may come next, or the logits of those that may are infinitely small.");
        }

        token = Sampler.Checked(token);
        logprobs = Request.Logprobs is { } top ? TokenLogprobs.Of(logits, token, top) : null;
        return token;
    }

    private ReadOnlySpan<int> Ends => mask!.MayEnd ? ends : [];

    /// <summary>Takes the next token.</summary>
    /// <returns>Why the generation ends with it; null if it does not.</returns>
    public FinishReason? Accept(int token)
    {
        TimeToFirstToken ??= Age;
        if (ends.Contains(token))
        {
            return FinishReason.Stop;
        }

        tokens.Add(token);
        sampler.Accept(token);
        mask?.Accept(token);
        bool shown = !TokenText.IsSpecial(tokenizer, token) || Request.ShownTokens.Contains(token);
        Output.Write(new GenerationChunk(token, shown ? stop.Push(text.Push(token)) : "", null) { Logprobs = logprobs });
        return stop.Stopped || mask is { MustEnd: true } ? FinishReason.Stop : Generated == Request.MaxTokens ? FinishReason.Length : null;
    }

    /// <summary>Writes the last piece, with the text that was held back.</summary>
    public void End(FinishReason reason)
    {
        if (Embedding is not null)
        {
            Embedding.Complete(null, reason);
            return;
        }

        string rest = stop.Push(text.Flush());
        Output.Write(new GenerationChunk(null, rest + stop.Flush(), reason));
        Output.Complete(null);
    }

    /// <summary>Ends with an error.</summary>
    public void Fail(Exception error)
    {
        Embedding?.Complete(error, FinishReason.Cancelled);
        Output.Complete(error);
    }
}
