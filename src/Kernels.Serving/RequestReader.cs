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

    private readonly ChatTemplate template = options.ChatTemplate;
    private readonly ImmutableArray<int> endTokens = options.ChatTemplate.EndTokens(tokenizer);

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
        ImmutableArray<int> prompt = chat ? ChatPrompt(request) : Prompt(request.Prompt);
        ImmutableArray<string> stop = Stops(request.Stop);
        return new GenerationRequest(prompt, Tokens(request, chat, prompt.Length))
        {
            Sampling = Sampling(request),
            Stop = chat ? stop.AddRange(template.Stop) : stop,
            StopTokens = chat ? endTokens : [],
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
                return Encode(Text(text, "prompt"));
            case { ValueKind: JsonValueKind.Array } list when list.GetArrayLength() == 1 && list[0].ValueKind == JsonValueKind.String:
                return Encode(Text(list[0], "prompt"));
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

    private ImmutableArray<int> Encode(string text) => NotEmpty(tokenizer.EncodePrompt(engine.Config, text));

    private static ImmutableArray<int> NotEmpty(ImmutableArray<int> tokens)
    {
        return tokens.IsEmpty ? throw ApiException.BadRequest("The prompt is empty, and the model has no token that begins a text.", "prompt") : tokens;
    }

    // A chat as the model's template writes it. What the template cannot tell the model is refused, not left out.
    private ImmutableArray<int> ChatPrompt(ApiRequest request)
    {
        bool hasTools = request.Tools is { ValueKind: not JsonValueKind.Null } tools && !(tools.ValueKind == JsonValueKind.Array && tools.GetArrayLength() == 0);
        Only(!hasTools || request.Tools is { ValueKind: JsonValueKind.Array }, "tools", "a list of tools");
        Only(!hasTools || template.Reads("tools"), "tools", "absent: the model's chat template has none");
        Dictionary<string, JsonElement> variables = Variables(request.ChatTemplateKwargs);
        bool choiceIsRead = template.Reads("tool_choice");
        bool none = request.ToolChoice is { ValueKind: JsonValueKind.String } choice && choice.ValueEquals("none"u8);
        if (request.ToolChoice is { ValueKind: not JsonValueKind.Null } given)
        {
            Only(choiceIsRead || none || (given.ValueKind == JsonValueKind.String && given.ValueEquals("auto"u8)), "tool_choice", "auto or none");
            variables.TryAdd("tool_choice", given);
        }

        try
        {
            var chat = new ChatConversation([.. Messages(request.Messages)]) { Tools = hasTools && (choiceIsRead || !none) ? request.Tools : null, Variables = variables };
            return NotEmpty(template.Encode(tokenizer, engine.Config, template.Render(chat)));
        }
        catch (Exception e) when (e is ChatTemplateException or ArgumentException)
        {
            throw ApiException.BadRequest(e.Message, "messages");
        }
    }

    private static Dictionary<string, JsonElement> Variables(JsonElement? given)
    {
        if (given is null or { ValueKind: JsonValueKind.Null })
        {
            return [];
        }

        Only(given is { ValueKind: JsonValueKind.Object }, "chat_template_kwargs", "an object of the template's variables");
        var variables = new Dictionary<string, JsonElement>();
        foreach (JsonProperty property in given!.Value.EnumerateObject())
        {
            variables[property.Name] = property.Value;
        }

        return variables;
    }

    private static IEnumerable<ChatMessage> Messages(JsonElement? messages)
    {
        Only(messages is { ValueKind: JsonValueKind.Array } list && list.GetArrayLength() > 0, "messages", "a list of at least one message");
        foreach (JsonElement json in messages!.Value.EnumerateArray())
        {
            Only(
                json.ValueKind == JsonValueKind.Object && json.TryGetProperty("role"u8, out JsonElement role) && role.ValueKind == JsonValueKind.String,
                "messages", "objects with a role and a content");
            var message = new ChatMessage(json);
            Only(
                message.Role is "system" or "developer" or "user" or "assistant" or "tool" or "function",
                "messages", "of the roles system, developer, user, assistant and tool");
            bool calls = json.TryGetProperty("tool_calls"u8, out JsonElement toolCalls) && toolCalls.ValueKind == JsonValueKind.Array && toolCalls.GetArrayLength() > 0;
            Only(
                IsText(message.Content) || (message.Role == "assistant" && calls && message.Content is null or { ValueKind: JsonValueKind.Null }),
                "messages", "messages whose content is a text or a list of texts, or null beside tool_calls");
            yield return message;
        }
    }

    private static bool IsText(JsonElement? content) => content switch
    {
        { ValueKind: JsonValueKind.String } => true,
        { ValueKind: JsonValueKind.Array } parts => parts.EnumerateArray().All(part =>
            part.ValueKind == JsonValueKind.Object && part.TryGetProperty("text"u8, out JsonElement text) && text.ValueKind == JsonValueKind.String),
        _ => false,
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
