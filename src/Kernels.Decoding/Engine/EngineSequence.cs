using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Kernels.Decoding;

/// <summary>A request under way, as the engine sees it.</summary>
internal sealed class EngineSequence
{
    private readonly List<int> tokens;
    private readonly Sampler sampler;
    private readonly TokenStream text;
    private readonly StopFilter stop;
    private readonly long arrived = Stopwatch.GetTimestamp();

    /// <exception cref="ArgumentException">The sampling options are not allowed.</exception>
    public EngineSequence(GenerationRequest request, TextTokenizer tokenizer)
    {
        Request = request;
        tokens = [.. request.Prompt];
        sampler = new Sampler(request.Sampling);
        text = tokenizer.CreateStream();
        stop = new StopFilter(request.Stop);
        Output = new Generation(request.Prompt.Length);
    }

    public GenerationRequest Request { get; }

    public Generation Output { get; }

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

    public int Next(ReadOnlySpan<float> logits) => sampler.Next(logits);

    /// <summary>Takes the next token.</summary>
    /// <returns>Why the generation ends with it; null if it does not.</returns>
    public FinishReason? Accept(int token, bool ends)
    {
        TimeToFirstToken ??= Stopwatch.GetElapsedTime(arrived);
        if (ends && !Request.IgnoreEnd)
        {
            return FinishReason.Stop;
        }

        tokens.Add(token);
        Output.Write(new GenerationChunk(token, stop.Push(text.Push(token)), null));
        return stop.Stopped ? FinishReason.Stop : Generated == Request.MaxTokens ? FinishReason.Length : null;
    }

    /// <summary>Writes the last piece, with the text that was held back.</summary>
    public void End(FinishReason reason)
    {
        string rest = stop.Push(text.Flush());
        Output.Write(new GenerationChunk(null, rest + stop.Flush(), reason));
        Output.Complete(null);
    }
}
