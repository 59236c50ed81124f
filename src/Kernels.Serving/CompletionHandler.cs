using System.Text.Json;
using Microsoft.AspNetCore.Http;

namespace Kernels.Serving;

/// <summary>Answers completion or chat requests, at once or as a stream of server-sent events.</summary>
internal sealed class CompletionHandler(DecodingEngine engine, RequestReader reader, ServerOptions options, bool chat)
{
    private static readonly byte[] EventStart = "data: "u8.ToArray();
    private static readonly byte[] EventEnd = "\n\n"u8.ToArray();
    private static readonly byte[] LastEvent = "data: [DONE]\n\n"u8.ToArray();

    public async Task HandleAsync(HttpContext context)
    {
        ApiRequest request = await RequestReader.ReadAsync(context.Request, context.RequestAborted);
        GenerationRequest translated = reader.Translate(request, chat);
        Generation generation;
        try
        {
            generation = engine.TrySubmit(translated) ?? throw QueueFull(context);
        }
        catch (ObjectDisposedException)
        {
            throw Ended();
        }

        try
        {
            await AnswerAsync(context, generation, request);
        }
        finally
        {
            // A client that goes frees its pages.
            generation.Cancel();
        }
    }

    private async Task AnswerAsync(HttpContext context, Generation generation, ApiRequest request)
    {
        if (request.Stream is true)
        {
            await StreamAsync(context, generation, request.StreamOptions?.IncludeUsage ?? false);
            return;
        }

        GenerationResult result = await generation.CompleteAsync(context.RequestAborted);
        ApiChoice choice = chat ? new ApiChoice { Message = new ApiText("assistant", result.Text) } : new ApiChoice { Text = result.Text };
        ApiResponse response = NewResponse(streamed: false) with
        {
            Choices = [choice with { FinishReason = Name(result.Finish) }],
            Usage = Usage(generation, result.Tokens.Length),
        };
        await context.Response.WriteAsJsonAsync(response, ApiJson.Default.ApiResponse, cancellationToken: context.RequestAborted);
    }

    private async Task StreamAsync(HttpContext context, Generation generation, bool includeUsage)
    {
        CancellationToken cancellation = context.RequestAborted;
        ApiResponse head = NewResponse(streamed: true);
        context.Response.ContentType = "text/event-stream";
        context.Response.Headers.CacheControl = "no-cache";
        int tokens = 0;
        try
        {
            if (chat)
            {
                await WriteAsync(head with { Choices = [new ApiChoice { Delta = new ApiText("assistant", "") }] });
            }

            await foreach (GenerationChunk chunk in generation.ReadAsync(cancellation))
            {
                tokens += chunk.Token is null ? 0 : 1;
                if (chunk.Text.Length > 0)
                {
                    await WriteAsync(head with { Choices = [chat ? new ApiChoice { Delta = new ApiText(null, chunk.Text) } : new ApiChoice { Text = chunk.Text }] });
                }

                if (chunk.Finish is { } finish)
                {
                    ApiChoice last = chat ? new ApiChoice { Delta = new ApiText(null, null) } : new ApiChoice { Text = "" };
                    await WriteAsync(head with { Choices = [last with { FinishReason = Name(finish) }] });
                }
            }

            if (includeUsage)
            {
                await WriteAsync(head with { Usage = Usage(generation, tokens) });
            }

            await context.Response.Body.WriteAsync(LastEvent, cancellation);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            // The status is sent already; all that is left is to say so in the stream.
            ApiException error = e as ApiException ?? new ApiException(StatusCodes.Status500InternalServerError, e.Message);
            await WriteEventAsync(JsonSerializer.SerializeToUtf8Bytes(new ApiErrorResponse(error.Error), ApiJson.Default.ApiErrorResponse));
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

    private ApiResponse NewResponse(bool streamed) => new(
        (chat ? "chatcmpl-" : "cmpl-") + Guid.NewGuid().ToString("N"),
        (chat, streamed) switch { (true, true) => "chat.completion.chunk", (true, false) => "chat.completion", _ => "text_completion" },
        DateTimeOffset.UtcNow.ToUnixTimeSeconds(),
        options.ModelName,
        []);

    private static ApiUsage Usage(Generation generation, int tokens) =>
        new(generation.PromptTokens, tokens, generation.PromptTokens + tokens, new ApiPromptDetails(generation.ReusedTokens));

    private static string Name(FinishReason finish) => finish switch
    {
        FinishReason.Stop => "stop",
        FinishReason.Length => "length",
        _ => throw Ended(),
    };

    private static ApiException QueueFull(HttpContext context)
    {
        context.Response.Headers.RetryAfter = "1";
        return new ApiException(StatusCodes.Status429TooManyRequests, "Too many requests wait already; try again later.", code: "queue_full");
    }

    private static ApiException Ended() => new(StatusCodes.Status503ServiceUnavailable, "The engine has ended.", code: "unavailable");
}
