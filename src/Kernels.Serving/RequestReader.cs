using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Unicode;
using Microsoft.AspNetCore.Http;

namespace Kernels.Serving;

/// <summary>Turns the bodies of requests into what the engine runs, or says what is wrong with them.</summary>
internal sealed class RequestReader(DecodingEngine engine, TextTokenizer tokenizer, ServerOptions options)
{
    private const int DefaultCompletionTokens = 16;
    private const int MaxStops = 4;
    private const int MaxStopLength = 256;
    private const double MaxTemperature = 2;

    private readonly ChatTemplate template = ChatTemplate.For(tokenizer);

    /// <exception cref="ApiException">The body is not a request.</exception>
    public static async Task<ApiRequest> ReadAsync(HttpRequest request, CancellationToken cancellation)
    {
        // A page in a browser cannot send this type to another site unasked.
        if (!request.HasJsonContentType())
        {
            throw new ApiException(StatusCodes.Status415UnsupportedMediaType, "The content type is not application/json.");
        }

        using var body = new MemoryStream();
        await request.Body.CopyToAsync(body, cancellation);
        ReadOnlySpan<byte> json = body.GetBuffer().AsSpan(0, (int)body.Length);
        if (!Utf8.IsValid(json))
        {
            throw ApiException.BadRequest("The body is not UTF-8.");
        }

        try
        {
            return JsonSerializer.Deserialize(json, ApiJson.Default.ApiRequest) ?? throw ApiException.BadRequest("The body is null, not an object.");
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // The latter: an escaped half of a surrogate pair.
            throw ApiException.BadRequest($"The body is not a well-formed request: {e.Message}", e is JsonException { Path: ['$', '.', .. string field] } ? field : null);
        }
    }

    /// <summary>What a request asks of the engine.</summary>
    /// <exception cref="ApiException">A field has no allowed value.</exception>
    public GenerationRequest Translate(ApiRequest request, bool chat)
    {
        if (request.Model is { } model && model != options.ModelName)
        {
            throw new ApiException(StatusCodes.Status404NotFound, $"There is no model '{model}' here, but '{options.ModelName}'.", "model", "model_not_found");
        }

        Only(request.N is null or 1, "n", "1: one answer a request");
        Only(request.BestOf is null or 1, "best_of", "1: one answer a request");
        Only(request.Echo is not true, "echo", "false");
        Only(request.Logprobs is not { ValueKind: not (JsonValueKind.Null or JsonValueKind.False) }, "logprobs", "absent: there are none");
        ImmutableArray<int> prompt = chat ? Encode(template.Apply(Messages(request.Messages)), "messages") : Prompt(request.Prompt);
        ImmutableArray<string> stop = Stops(request.Stop);
        return new GenerationRequest(prompt, Tokens(request, chat, prompt.Length))
        {
            Sampling = Sampling(request),
            Stop = chat ? stop.Add(template.Stop) : stop,
        };
    }

    private static void Only(bool allowed, string parameter, string expected)
    {
        if (!allowed)
        {
            throw ApiException.BadRequest($"'{parameter}' can only be {expected}.", parameter);
        }
    }

    private int Tokens(ApiRequest request, bool chat, int promptTokens)
    {
        int room = engine.MaxContext - promptTokens + 1;
        if (room < 1)
        {
            throw ApiException.BadRequest(
                $"The prompt has {promptTokens} tokens; the context has {engine.MaxContext}.", chat ? "messages" : "prompt", "context_length_exceeded");
        }

        string parameter = request.MaxCompletionTokens is null ? "max_tokens" : "max_completion_tokens";
        if ((request.MaxCompletionTokens ?? request.MaxTokens) is not { } asked)
        {
            return Math.Min(room, chat ? options.MaxTokens : Math.Min(DefaultCompletionTokens, options.MaxTokens));
        }

        Only(asked >= 1 && asked <= options.MaxTokens, parameter, $"1 to {options.MaxTokens}");
        return asked <= room
            ? asked
            : throw ApiException.BadRequest(
                $"The prompt has {promptTokens} tokens and {asked} more were asked for; the context has {engine.MaxContext}.", parameter, "context_length_exceeded");
    }

    private static SamplingOptions Sampling(ApiRequest request)
    {
        Only(request.Temperature is null or (>= 0 and <= MaxTemperature), "temperature", $"a number from 0 to {MaxTemperature}");
        Only(request.TopP is null or (> 0 and <= 1), "top_p", "a number over 0 and up to 1");
        Only(request.TopK is null or >= 1, "top_k", "a whole number from 1");
        return new SamplingOptions
        {
            Temperature = request.Temperature ?? 1,
            TopK = request.TopK,
            TopP = request.TopP ?? 1,
            Seed = request.Seed is { } seed ? unchecked((int)(seed ^ (seed >> 32))) : null,
        };
    }

    private ImmutableArray<int> Prompt(JsonElement? prompt)
    {
        switch (prompt)
        {
            case { ValueKind: JsonValueKind.String } text:
                return Encode(Text(text, "prompt"), "prompt");
            case { ValueKind: JsonValueKind.Array } list when list.GetArrayLength() == 1 && list[0].ValueKind == JsonValueKind.String:
                return Encode(Text(list[0], "prompt"), "prompt");
            case { ValueKind: JsonValueKind.Array } list when list.GetArrayLength() > 0:
                return [.. list.EnumerateArray().Select(Token)];
            default:
                throw ApiException.BadRequest("'prompt' can only be a text, or a list of token ids; one prompt a request.", "prompt");
        }
    }

    private int Token(JsonElement element) =>
        element.ValueKind == JsonValueKind.Number && element.TryGetInt32(out int token) && (uint)token < (uint)engine.Config.VocabularySize
            ? token
            : throw ApiException.BadRequest($"A token of 'prompt' is not a whole number from 0 to {engine.Config.VocabularySize - 1}.", "prompt");

    private ImmutableArray<int> Encode(string text, string parameter)
    {
        ImmutableArray<int> tokens;
        try
        {
            tokens = tokenizer.EncodePrompt(text);
        }
        catch (CheckpointException e)
        {
            throw ApiException.BadRequest($"The text cannot be written as tokens: {e.Message}", parameter);
        }

        if (tokenizer.Refusal(tokens.AsSpan(), engine.Config.VocabularySize) is { } refusal)
        {
            throw ApiException.BadRequest(refusal, parameter);
        }

        return tokens.IsEmpty ? throw ApiException.BadRequest("The prompt is empty, and the model has no token that begins a text.", parameter) : tokens;
    }

    private static IEnumerable<(string Role, string Content)> Messages(List<ApiMessage?>? messages)
    {
        Only(messages is { Count: > 0 }, "messages", "a list of at least one message");
        foreach (ApiMessage? message in messages!)
        {
            Only(message?.Role is "system" or "developer" or "user" or "assistant", "messages", "of the roles system, developer, user and assistant");
            yield return (message!.Role!, Content(message.Content));
        }
    }

    private static string Content(JsonElement? content) => content switch
    {
        { ValueKind: JsonValueKind.String } text => Text(text, "messages"),
        { ValueKind: JsonValueKind.Array } parts => string.Concat(parts.EnumerateArray().Select(part =>
            part.ValueKind == JsonValueKind.Object && part.TryGetProperty("text", out JsonElement text) && text.ValueKind == JsonValueKind.String
                ? Text(text, "messages")
                : throw ApiException.BadRequest("A part of a message is not a text.", "messages"))),
        _ => throw ApiException.BadRequest("The content of a message is not a text.", "messages"),
    };

    private static ImmutableArray<string> Stops(JsonElement? stop)
    {
        ImmutableArray<string> stops = stop switch
        {
            null or { ValueKind: JsonValueKind.Null } => [],
            { ValueKind: JsonValueKind.String } text => [Text(text, "stop")],
            { ValueKind: JsonValueKind.Array } list => [.. list.EnumerateArray().Select(element => element.ValueKind == JsonValueKind.String ? Text(element, "stop") : "")],
            _ => [""],
        };
        Only(
            stops.Length <= MaxStops && stops.All(text => text.Length is >= 1 and <= MaxStopLength),
            "stop", $"up to {MaxStops} texts of 1 to {MaxStopLength} characters");
        return stops;
    }

    private static string Text(JsonElement element, string parameter)
    {
        try
        {
            return element.GetString()!;
        }
        catch (InvalidOperationException)
        {
            throw ApiException.BadRequest($"A text of '{parameter}' has half of a surrogate pair in it.", parameter);
        }
    }
}
