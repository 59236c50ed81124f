using System.Collections.Immutable;
using System.Runtime.InteropServices;
using System.Text;
using Decoder = Kernels.Decoding.Decoder;

namespace Decoders;

/// <summary>A conversation over one sequence of a decoder. What is in its cache stays as long as the next prompt begins with it.</summary>
internal sealed class ChatSession(
    Decoder decoder, TextTokenizer tokenizer, ChatTemplate template, ChatConversation conversation, SamplingOptions sampling)
{
    private readonly List<ChatTurn> messages = [.. conversation.Messages];
    private readonly Generator generator = new(decoder);
    private readonly Sampler sampler = new(sampling);
    private readonly HashSet<int> ends = [.. decoder.Config.EosTokenIds, .. template.EndTokens(tokenizer)];

    // The tokens that the decoder has run.
    private readonly List<int> cached = [];

    /// <summary>Tokens of the last prompt that were in the cache already.</summary>
    public int ReusedTokens { get; private set; }

    /// <summary>Tokens of the last prompt.</summary>
    public int PromptTokens { get; private set; }

    /// <summary>Asks, and writes the reply as it comes.</summary>
    /// <param name="content">What the user says.</param>
    /// <param name="limit">The most tokens of the reply.</param>
    /// <param name="write">Takes a piece of the reply.</param>
    /// <param name="cancellation">Ends the reply.</param>
    /// <returns>False where the conversation is longer than the decoder's context: it is as it was before.</returns>
    /// <exception cref="ChatTemplateException">The model's template refuses the conversation.</exception>
    public bool Ask(string content, int limit, Action<string> write, CancellationToken cancellation)
    {
        messages.Add(new ChatTurn("user", content));
        ImmutableArray<int> prompt = template.Encode(tokenizer, template.Render(conversation with { Messages = messages }));
        PromptTokens = prompt.Length;
        if (prompt.Length == 0 || prompt.Length > decoder.Capacity)
        {
            messages.RemoveAt(messages.Count - 1);
            return false;
        }

        Prefill(prompt, cancellation);
        var reply = new StringBuilder();
        var stop = new StopFilter(template.Stop);
        TokenStream stream = tokenizer.CreateStream();
        for (int generated = 0; !cancellation.IsCancellationRequested;)
        {
            int token = sampler.Next(generator.Logits);
            if (ends.Contains(token))
            {
                break;
            }

            Write(stop.Push(stream.Push(token)));
            if (stop.Stopped || ++generated == limit || cached.Count == decoder.Capacity)
            {
                break;
            }

            generator.Decode(token);
            cached.Add(token);
        }

        Write(stop.Push(stream.Flush()) + stop.Flush());
        messages.Add(new ChatTurn("assistant", reply.ToString()));
        return true;

        void Write(string text)
        {
            reply.Append(text);
            write(text);
        }
    }

    // The last token is always run, for its logits.
    private void Prefill(ImmutableArray<int> prompt, CancellationToken cancellation)
    {
        ReadOnlySpan<int> tokens = prompt.AsSpan();
        if (cached.Count == 0 || cached.Count >= tokens.Length || !tokens.StartsWith(CollectionsMarshal.AsSpan(cached)))
        {
            decoder.Reset(0);
            cached.Clear();
        }

        ReusedTokens = cached.Count;

        // If this is cancelled, nothing is known of what the sequence holds.
        cached.Clear();
        generator.Prefill(tokens[ReusedTokens..], cancellation);
        cached.AddRange(prompt);
    }
}
