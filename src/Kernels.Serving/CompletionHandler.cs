using System.Collections.Immutable;
using System.Text;
using System.Text.Json;
using System.Threading.Channels;
using Microsoft.AspNetCore.Http;

namespace Kernels.Serving;

/// <summary>Answers completion or chat requests, at once or as a stream of server-sent events.</summary>
internal sealed class CompletionHandler(LanguageModel model, RequestReader reader, bool chat)
{
    private static readonly byte[] EventStart = "data: "u8.ToArray();
    private static readonly byte[] EventEnd = "\n\n"u8.ToArray();
    private static readonly byte[] LastEvent = "data: [DONE]\n\n"u8.ToArray();

    public async Task HandleAsync(HttpContext context)
    {
        ApiRequest request = await reader.ReadAsync(context.Request, ApiJson.Default.ApiRequest, context.RequestAborted);
        CompletionJob job = await reader.TranslateAsync(request, chat, context.RequestAborted);
        var generations = new List<Generation>();
        try
        {
            Submit(context, job, generations);
            if (request.Stream is true)
            {
                await StreamAsync(context, job, generations, request.StreamOptions?.IncludeUsage ?? false);
            }
            else
            {
                await AnswerAsync(context, job, generations);
            }
        }
        finally
        {
            // A client that goes frees its pages.
            generations.ForEach(generation => generation.Cancel());
        }
    }

    /// <summary>The error for a failure of the engine.</summary>
    public static ApiException ErrorOf(Exception error) => error switch
    {
        ApiException known => known,
        JsonSchemaException schema => ApiException.BadRequest(schema.Message, "response_format"),
        ObjectDisposedException => Ended(),
        _ => new ApiException(StatusCodes.Status500InternalServerError, error.Message),
    };

    public static ApiException QueueFull(HttpContext context)
    {
        context.Response.Headers.RetryAfter = "1";
        return new ApiException(
            StatusCodes.Status429TooManyRequests, "Too many requests wait already; try again later.", code: "queue_full");
    }

    private static ApiException Ended() => new(StatusCodes.Status503ServiceUnavailable, "The engine has ended.", code: "unavailable");

    private void Submit(HttpContext context, CompletionJob job, List<Generation> generations)
    {
        try
        {
            foreach (GenerationRequest request in job.Requests)
            {
                ImmutableArray<Generation> started = model.Engine.TrySubmit(request, job.Best);
                generations.AddRange(started.IsEmpty ? throw QueueFull(context) : started);
            }
        }
        catch (ObjectDisposedException)
        {
            throw Ended();
        }
    }

    private async Task AnswerAsync(HttpContext context, CompletionJob job, List<Generation> generations)
    {
        GenerationResult[] results;
        try
        {
            results = await Task.WhenAll(generations.Select(generation => generation.CompleteAsync(context.RequestAborted)));
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            throw ErrorOf(e);
        }

        var choices = new List<ApiChoice>();
        for (int prompt = 0; prompt < job.Requests.Length; prompt++)
        {
            IEnumerable<GenerationResult> told = results.Skip(prompt * job.Best).Take(job.Best);
            if (job.Best > job.Choices)
            {
                told = told.OrderByDescending(
                    result => result.Logprobs.Select(figures => figures.Logprob).DefaultIfEmpty(double.NegativeInfinity).Average())
                        .Take(job.Choices);
            }

            choices.AddRange(told.ToArray().Select(result => Choice(job, prompt, result)));
        }

        int generated = results.Sum(result => result.Tokens.Length);
        ApiResponse response = NewResponse(streamed: false) with
        {
            Choices = [.. choices.Select((choice, i) => choice with { Index = i })],
            Usage = Usage(job, generations, generated),
        };
        await context.Response.WriteAsJsonAsync(response, ApiJson.Default.ApiResponse, cancellationToken: context.RequestAborted);
    }

    private ApiChoice Choice(CompletionJob job, int prompt, GenerationResult result)
    {
        var choice = new ApiChoice
        {
            FinishReason = Name(result.Finish, calls: false),
            Logprobs = job.Logprobs ? new LogprobWriter(model.Tokenizer, chat).Write(result.Logprobs) : null,
        };
        if (job.Chat is null)
        {
            return choice with { Text = job.Echo?[prompt] + result.Text };
        }

        ReplyParser parser = job.Chat.CreateParser();
        var content = new StringBuilder();
        var calls = new List<ApiToolCall>();
        foreach (ReplyPart part in parser.Push(result.Text).Concat(parser.Finish()).ToArray())
        {
            content.Append(part.Text);
            if (part.Call is { } call)
            {
                calls.Add(new ApiToolCall(null, call.Id, "function", new ApiFunctionCall(call.Name, call.Arguments)));
            }
        }

        return choice with
        {
            Message = new ApiReply(
                "assistant", content.Length == 0 && calls.Count > 0 ? null : content.ToString(), null, calls.Count > 0 ? [.. calls] : null),
            FinishReason = Name(result.Finish, calls.Count > 0),
        };
    }

    private async Task StreamAsync(HttpContext context, CompletionJob job, List<Generation> generations, bool includeUsage)
    {
        CancellationToken cancellation = context.RequestAborted;
        ApiResponse head = NewResponse(streamed: true);
        context.Response.ContentType = "text/event-stream";
        context.Response.Headers.CacheControl = "no-cache";
        int tokens = 0;
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var pieces = Channel.CreateBounded<(int Index, GenerationChunk Chunk)>(new BoundedChannelOptions(64) { SingleReader = true });
        Task pumps = PumpAsync(generations, pieces.Writer, ending.Token);
        try
        {
            var writers = generations.Select((_, i) => new ChoiceStream(i, chat, job, model.Tokenizer)).ToArray();
            foreach (ChoiceStream writer in writers)
            {
                foreach (ApiChoice choice in writer.Begin())
                {
                    await WriteAsync(head with { Choices = [choice] });
                }
            }

            await foreach ((int index, GenerationChunk chunk) in pieces.Reader.ReadAllAsync(cancellation))
            {
                tokens += chunk.Token is null ? 0 : 1;
                foreach (ApiChoice choice in writers[index].Push(chunk, finish => Name(finish, writers[index].HasCalls)))
                {
                    await WriteAsync(head with { Choices = [choice] });
                }

                if (writers[index].IsFull && chunk.Finish is null)
                {
                    generations[index].Cancel();
                }
            }

            await pumps;
            if (includeUsage)
            {
                await WriteAsync(head with { Usage = Usage(job, generations, tokens) });
            }

            await context.Response.Body.WriteAsync(LastEvent, cancellation);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            // The status is sent already; all that is left is to say so in the stream.
            await WriteEventAsync(
                JsonSerializer.SerializeToUtf8Bytes(new ApiErrorResponse(ErrorOf(e).Error), ApiJson.Default.ApiErrorResponse));
        }
        finally
        {
            await ending.CancelAsync();
            try
            {
                await pumps;
            }
            catch (Exception)
            {
                // Told already.
            }
        }

        Task WriteAsync(ApiResponse piece) => WriteEventAsync(JsonSerializer.SerializeToUtf8Bytes(piece, ApiJson.Default.ApiResponse));

        async Task WriteEventAsync(byte[] json)
        {
            await context.Response.Body.WriteAsync(EventStart, cancellation);
            await context.Response.Body.WriteAsync(json, cancellation);
            await context.Response.Body.WriteAsync(EventEnd, cancellation);
            await context.Response.Body.FlushAsync(cancellation);
        }
    }

    private static async Task PumpAsync(
        List<Generation> generations, ChannelWriter<(int Index, GenerationChunk Chunk)> writer, CancellationToken cancellation)
    {
        try
        {
            await Task.WhenAll(generations.Select(async (generation, i) =>
            {
                await foreach (GenerationChunk chunk in generation.ReadAsync(cancellation))
                {
                    await writer.WriteAsync((i, chunk), cancellation);
                }
            }));
            writer.TryComplete();
        }
        catch (Exception e)
        {
            writer.TryComplete(e);
            throw;
        }
    }

    private ApiResponse NewResponse(bool streamed) => new(
        (chat ? "chatcmpl-" : "cmpl-") + Guid.NewGuid().ToString("N"),
        (chat, streamed) switch { (true, true) => "chat.completion.chunk", (true, false) => "chat.completion", _ => "text_completion" },
        DateTimeOffset.UtcNow.ToUnixTimeSeconds(),
        model.Name,
        []);

    private static ApiUsage Usage(CompletionJob job, List<Generation> generations, int tokens)
    {
        // A prompt counts once, however many texts it has.
        int prompt = job.Requests.Sum(request => request.Prompt.Length);
        int cached = Enumerable.Range(0, job.Requests.Length).Sum(i => generations[i * job.Best].ReusedTokens);
        return new ApiUsage(prompt, tokens, prompt + tokens, new ApiPromptDetails(cached));
    }

    private static string Name(FinishReason finish, bool calls) => finish switch
    {
        FinishReason.Stop => calls ? "tool_calls" : "stop",
        FinishReason.Length => calls ? "tool_calls" : "length",

        // A reply that has as many calls as it may was ended for that.
        _ => calls ? "tool_calls" : throw Ended(),
    };
}
