using System.Text.Json.Nodes;

namespace Kernels.Serving;

/// <summary>Writes one text of a streamed answer, piece by piece.</summary>
internal sealed class ChoiceStream(int index, bool chat, CompletionJob job, TextTokenizer tokenizer)
{
    private readonly ReplyParser? parser = job.Chat?.CreateParser();
    private readonly LogprobWriter? logprobs = job.Logprobs ? new LogprobWriter(tokenizer, chat) : null;
    private readonly List<TokenLogprobs> figures = [];
    private int calls;

    /// <summary>Whether tools were called.</summary>
    public bool HasCalls => calls > 0;

    /// <summary>Whether all calls have come that may.</summary>
    public bool IsFull => parser is { IsFull: true };

    /// <summary>What comes before the text.</summary>
    public IEnumerable<ApiChoice> Begin()
    {
        if (chat)
        {
            yield return new ApiChoice { Index = index, Delta = new ApiText("assistant", "") };
        }
        else if (job.Echo is { } echo)
        {
            yield return new ApiChoice { Index = index, Text = echo[index / job.Best] };
        }
    }

    /// <summary>Writes a piece.</summary>
    /// <param name="chunk">The piece.</param>
    /// <param name="name">Names why the text ended.</param>
    public IEnumerable<ApiChoice> Push(GenerationChunk chunk, Func<FinishReason, string> name)
    {
        if (chunk.Logprobs is { } one)
        {
            figures.Add(one);
        }

        if (parser is null)
        {
            if (chunk.Text.Length > 0 || figures.Count > 0)
            {
                yield return new ApiChoice { Index = index, Text = chunk.Text, Logprobs = Figures() };
            }
        }
        else
        {
            IEnumerable<ReplyPart> parts = parser.Push(chunk.Text);
            foreach (ReplyPart part in chunk.Finish is null ? parts : [.. parts, .. parser.Finish()])
            {
                yield return new ApiChoice
                {
                    Index = index,
                    Delta = part.Call is { } call
                        ? new ApiText(null, null)
                        {
                            ToolCalls = [new ApiToolCall(calls++, call.Id, "function", new ApiFunctionCall(call.Name, call.Arguments))],
                        }
                        : new ApiText(null, part.Text),
                    Logprobs = Figures(),
                };
            }

            // A token without text has figures all the same.
            if (figures.Count > 0)
            {
                yield return new ApiChoice { Index = index, Delta = new ApiText(null, ""), Logprobs = Figures() };
            }
        }

        if (chunk.Finish is { } finish)
        {
            yield return new ApiChoice
            {
                Index = index, Text = chat ? null : "", Delta = chat ? new ApiText(null, null) : null, FinishReason = name(finish),
            };
        }
    }

    private JsonObject? Figures()
    {
        if (logprobs is null || figures.Count == 0)
        {
            return null;
        }

        JsonObject written = logprobs.Write(figures);
        figures.Clear();
        return written;
    }
}
