using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;
using System.Text.Unicode;
using Microsoft.AspNetCore.Http;

namespace Kernels.Serving;

/// <summary>Turns the bodies of requests into what the engine runs, or says what is wrong with them.</summary>
internal sealed class RequestReader(LanguageModel model, ServerOptions options)
{
    private const int DefaultCompletionTokens = 16;
    private const int MaxStops = 4;
    private const int MaxStopLength = 256;
    private const double MaxTemperature = 2;
    private const int MaxLogprobs = 20;
    private const double MaxBias = 100;

    // Fields of OpenAI's API and its kin that would change the answer, with the values that would not.
    private static readonly Dictionary<string, (Func<JsonElement, bool> Allowed, string Expected)> Undone = new(StringComparer.Ordinal)
    {
        ["functions"] = (value => value.ValueKind == JsonValueKind.Array && value.GetArrayLength() == 0, "absent: 'tools' takes its place"),
        ["function_call"] = (value => Is(value, "none") || Is(value, "auto"), "absent: 'tool_choice' takes its place"),
        ["modalities"] =
            (value => value.ValueKind == JsonValueKind.Array && value.EnumerateArray().All(item => Is(item, "text")), "[\"text\"]"),
        ["audio"] = (_ => false, "absent"),
        ["web_search_options"] = (_ => false, "absent"),
        ["reasoning_effort"] = (value => Is(value, "none"), "absent"),
        ["verbosity"] = (value => Is(value, "medium"), "absent"),
        ["min_tokens"] = (value => value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out int n) && n == 0, "0"),
        ["use_beam_search"] = (value => value.ValueKind == JsonValueKind.False, "false"),
        ["typical_p"] = (value => value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out double p) && p == 1, "1"),
        ["chat_template"] = (_ => false, "absent"),
        ["guided_json"] = (_ => false, "absent: 'response_format' takes its place"),
        ["guided_regex"] = (_ => false, "absent"),
        ["guided_choice"] = (_ => false, "absent"),
        ["guided_grammar"] = (_ => false, "absent"),
        ["structured_outputs"] = (_ => false, "absent: 'response_format' takes its place"),
        ["bad_words"] = (value => value.ValueKind == JsonValueKind.Array && value.GetArrayLength() == 0, "absent"),
        ["prompt_logprobs"] = (value => value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out int n) && n == 0, "absent"),
        ["skip_special_tokens"] = (value => value.ValueKind == JsonValueKind.True, "true"),
        ["add_generation_prompt"] = (value => value.ValueKind == JsonValueKind.True, "true"),
        ["continue_final_message"] = (value => value.ValueKind == JsonValueKind.False, "false"),
    };

    private readonly PromptEncoder encoder = new(model.Tokenizer, model.Config);
    private readonly HashSet<string> names = new([model.Name, .. options.Aliases], StringComparer.Ordinal);

    /// <exception cref="ApiException">The body is not a request.</exception>
    public async Task<T> ReadAsync<T>(HttpRequest request, JsonTypeInfo<T> type, CancellationToken cancellation) where T : class
    {
        // A page in a browser cannot send this type to another site unasked.
        if (!request.HasJsonContentType())
        {
            throw new ApiException(StatusCodes.Status415UnsupportedMediaType, "The content type is not application/json.");
        }

        using var body = new MemoryStream();
        var buffer = new byte[16384];
        for (int count; (count = await request.Body.ReadAsync(buffer, cancellation)) > 0;)
        {
            if (body.Length + count > options.MaxBodyBytes)
            {
                throw new ApiException(StatusCodes.Status413PayloadTooLarge, $"The body has more than {options.MaxBodyBytes} bytes.");
            }

            body.Write(buffer.AsSpan(0, count));
        }

        ReadOnlySpan<byte> json = body.GetBuffer().AsSpan(0, (int)body.Length);
        if (!Utf8.IsValid(json))
        {
            throw ApiException.BadRequest("The body is not UTF-8.");
        }

        try
        {
            return JsonSerializer.Deserialize(json, type) ?? throw ApiException.BadRequest("The body is null, not an object.");
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // The latter: an escaped half of a surrogate pair.
            throw ApiException.BadRequest(
                $"The body is not a well-formed request: {e.Message}", e is JsonException { Path: ['$', '.', .. string field] }
                    ? field : null);
        }
    }

    /// <summary>Throws if a request is for another model.</summary>
    /// <exception cref="ApiException">There is no such model here.</exception>
    public void CheckModel(string? name)
    {
        if (name is not null && !names.Contains(name))
        {
            throw new ApiException(
                StatusCodes.Status404NotFound, $"The model '{name}' does not exist here; '{model.Name}' does.", "model", "model_not_found");
        }
    }

    /// <summary>What a request asks of the engine.</summary>
    /// <exception cref="ApiException">A field has no allowed value.</exception>
    public async Task<CompletionJob> TranslateAsync(ApiRequest request, bool chat, CancellationToken cancellation)
    {
        CheckModel(request.Model);
        foreach ((string name, JsonElement value) in request.Others ?? [])
        {
            if (value.ValueKind != JsonValueKind.Null
                && Undone.TryGetValue(name, out (Func<JsonElement, bool> Allowed, string Expected) field))
            {
                Only(field.Allowed(value), name, field.Expected);
            }
        }

        Only(request.N is null or >= 1, "n", "a number from 1");
        int choices = request.N ?? 1;
        Only(
            request.BestOf is null || (!chat && request.BestOf >= choices), "best_of", chat
                ? "absent: chats have none" : "a number from 'n'");
        int best = request.BestOf ?? choices;
        Only(best == choices || request.Stream is not true, "best_of", "as many as 'n' in a stream");
        Only(string.IsNullOrEmpty(request.Suffix), "suffix", "absent: there is nothing that writes to an end");
        Only(!chat || request.Echo is not true, "echo", "false");
        (int? logprobs, bool echoed) = (Logprobs(request, chat), request.Echo is true);
        Only(!echoed || logprobs is null, "logprobs", "absent with 'echo': those of prompts are not calculated");
        GenerationRequest template = Template(request) with
        {
            Logprobs = best > choices ? logprobs ?? 0 : logprobs,
            Operation = chat ? Telemetry.Chat : Telemetry.TextCompletion,
        };
        JsonGrammar? format = Format(request.ResponseFormat);
        if (chat)
        {
            ChatRequest conversation = Chat(request, format);
            ImmutableArray<int> prompt = await encoder.EncodeAsync(
                conversation.Prompt, model.Engine.MaxContext, "messages", cancellation, conversation.AddsSpecialTokens);
            CheckChoices(1, best, "messages");
            return new CompletionJob(
                [
                    template with
                    {
                        Prompt = prompt,
                        MaxTokens = Tokens(request, chat, prompt.Length),
                        Stop = [.. template.Stop, .. conversation.Stop],
                        StopTokens = [.. template.StopTokens, .. conversation.StopTokens],
                        Mask = Mask(conversation.Format),
                        ShownTokens = conversation.ShownTokens,
                    },
                ],
                choices, best) { Chat = conversation, Logprobs = logprobs is not null };
        }

        Only(IsNone(request.Tools), "tools", "absent: chats have them");
        Only(IsNone(request.ToolChoice), "tool_choice", "absent: chats have it");
        ImmutableArray<int>[] prompts = await TokensOfAsync(request.Prompt, "prompt", best, cancellation);
        return new CompletionJob(
            [.. prompts.Select(
                prompt => template with
                {
                    Prompt = prompt,
                    MaxTokens = Tokens(request, chat, prompt.Length),
                    Mask = Mask(format),
                })], choices, best)
        {
            Echo = echoed ? [.. prompts.Select((prompt, i) => Echo(request.Prompt!.Value, i, prompt))] : null,
            Logprobs = logprobs is not null,
        };
    }

    /// <summary>The texts of a field, as tokens.</summary>
    /// <param name="field">A text, a list of token ids, or a list of texts or of such lists.</param>
    /// <param name="parameter">Its name.</param>
    /// <param name="each">Texts to be generated for each.</param>
    /// <param name="cancellation">The client is gone.</param>
    /// <exception cref="ApiException">It is none of these, or too long.</exception>
    public async Task<ImmutableArray<int>[]> TokensOfAsync(JsonElement? field, string parameter, int each, CancellationToken cancellation)
    {
        JsonElement[] parts = field switch
        {
            { ValueKind: JsonValueKind.String } text => [text],
            { ValueKind: JsonValueKind.Array } list when list.GetArrayLength() > 0 && list[0].ValueKind == JsonValueKind.Number => [list],
            { ValueKind: JsonValueKind.Array } list when list.GetArrayLength() > 0 => [.. list.EnumerateArray()],
            _ => throw ApiException.BadRequest($"'{parameter}' can only be a text, a list of token ids, or a list of such.", parameter),
        };
        CheckChoices(parts.Length, each, parameter);
        var all = new ImmutableArray<int>[parts.Length];
        for (int i = 0; i < parts.Length; i++)
        {
            all[i] = parts[i].ValueKind switch
            {
                JsonValueKind.String => await encoder.EncodeAsync(
                    Text(parts[i], parameter), model.Engine.MaxContext, parameter, cancellation),
                JsonValueKind.Array when parts[i].GetArrayLength() > model.Engine.MaxContext => throw ApiException.BadRequest(
                    $"The prompt has {parts[i].GetArrayLength()} tokens; the context has {model.Engine.MaxContext}.", parameter,
                    "context_length_exceeded"),
                JsonValueKind.Array when parts[i].GetArrayLength() > 0 =>
                    [.. parts[i].EnumerateArray().Select(token => Token(token, parameter))],
                _ => throw ApiException.BadRequest($"'{parameter}' can only be a text, a list of token ids, or a list of such.", parameter),
            };
        }

        return all;
    }

    // Vectors are made one after the other, and texts side by side.
    private void CheckChoices(int prompts, int each, string parameter)
    {
        int limit = parameter == "input" ? options.MaxChoices : Math.Min(options.MaxChoices, model.Engine.MaxRequests);
        if ((long)prompts * each > limit)
        {
            throw ApiException.BadRequest(
                $"The request asks for {(long)prompts * each} texts; a request can have {limit}.", each > 1 ? "n" : parameter);
        }
    }

    private static void Only(bool allowed, string parameter, string expected)
    {
        if (!allowed)
        {
            throw ApiException.BadRequest($"'{parameter}' can only be {expected}.", parameter);
        }
    }

    private static bool IsNone(JsonElement? value) => value is null or { ValueKind: JsonValueKind.Null };

    private static bool Is(JsonElement value, string text) => value.ValueKind == JsonValueKind.String && value.ValueEquals(text);

    private int Tokens(ApiRequest request, bool chat, int promptTokens)
    {
        int room = model.Engine.MaxContext - promptTokens + 1;
        string parameter = request.MaxCompletionTokens is null ? "max_tokens" : "max_completion_tokens";
        if ((request.MaxCompletionTokens ?? request.MaxTokens) is not { } asked)
        {
            return Math.Min(room, chat ? options.MaxTokens : Math.Min(DefaultCompletionTokens, options.MaxTokens));
        }

        Only(asked >= 1 && asked <= options.MaxTokens, parameter, $"1 to {options.MaxTokens}");
        return asked <= room
            ? asked
            : throw ApiException.BadRequest(
                $"The prompt has {promptTokens} tokens and {asked} more were asked for; the context has {model.Engine.MaxContext}.",
                parameter, "context_length_exceeded");
    }

    private GenerationRequest Template(ApiRequest request)
    {
        SamplingOptions defaults = model.Sampling;
        Only(request.Temperature is null or (>= 0 and <= MaxTemperature), "temperature", $"a number from 0 to {MaxTemperature}");
        Only(request.TopP is null or (> 0 and <= 1), "top_p", "a number over 0 and up to 1");
        Only(request.TopK is null or >= -1, "top_k", "a whole number from 1, or 0 or -1 for all");
        Only(request.MinP is null or (>= 0 and <= 1), "min_p", "a number from 0 to 1");
        Only(request.FrequencyPenalty is null or (>= -2 and <= 2), "frequency_penalty", "a number from -2 to 2");
        Only(request.PresencePenalty is null or (>= -2 and <= 2), "presence_penalty", "a number from -2 to 2");
        Only(request.RepetitionPenalty is null or (> 0 and <= 100), "repetition_penalty", "a number over 0 and up to 100");
        return new GenerationRequest([], 1)
        {
            Sampling = defaults with
            {
                Temperature = request.Temperature ?? defaults.Temperature,
                TopK = request.TopK is null ? defaults.TopK : request.TopK > 0 ? request.TopK : null,
                TopP = request.TopP ?? defaults.TopP,
                MinP = request.MinP ?? defaults.MinP,
                FrequencyPenalty = request.FrequencyPenalty ?? defaults.FrequencyPenalty,
                PresencePenalty = request.PresencePenalty ?? defaults.PresencePenalty,
                RepetitionPenalty = request.RepetitionPenalty ?? defaults.RepetitionPenalty,
                LogitBias = Biases(request.LogitBias),
                Seed = request.Seed is { } seed ? unchecked((int)(seed ^ (seed >> 32))) : null,
            },
            Stop = Stops(request.Stop),
            StopTokens = StopTokens(request.StopTokenIds),
            IgnoreEnd = request.IgnoreEos ?? false,
        };
    }

    private ImmutableDictionary<int, double> Biases(JsonElement? biases)
    {
        if (IsNone(biases))
        {
            return ImmutableDictionary<int, double>.Empty;
        }

        Only(biases!.Value.ValueKind == JsonValueKind.Object, "logit_bias", "an object of numbers by token ids");
        ImmutableDictionary<int, double>.Builder result = ImmutableDictionary.CreateBuilder<int, double>();
        foreach (JsonProperty bias in biases.Value.EnumerateObject())
        {
            double value = 0;
            Only(
                int.TryParse(bias.Name, NumberStyles.None, CultureInfo.InvariantCulture, out int token)
                    && token < model.Config.VocabularySize
                && bias.Value.ValueKind == JsonValueKind.Number && bias.Value.TryGetDouble(out value)
                && value is >= -MaxBias and <= MaxBias,
                "logit_bias", $"numbers from -{MaxBias} to {MaxBias} by token ids from 0 to {model.Config.VocabularySize - 1}");
            result[token] = value;
        }

        return result.ToImmutable();
    }

    private ImmutableArray<int> StopTokens(JsonElement? tokens)
    {
        if (IsNone(tokens))
        {
            return [];
        }

        Only(
            tokens!.Value.ValueKind == JsonValueKind.Array && tokens.Value.GetArrayLength() <= 256, "stop_token_ids",
            "a list of up to 256 token ids");
        return [.. tokens.Value.EnumerateArray().Select(token => Token(token, "stop_token_ids"))];
    }

    private static int? Logprobs(ApiRequest request, bool chat)
    {
        JsonElement value = request.Logprobs ?? default;
        if (!chat)
        {
            Only(request.TopLogprobs is null, "top_logprobs", "absent: for completions, 'logprobs' is the number");
            int count = 0;
            Only(
                value.ValueKind is JsonValueKind.Undefined or JsonValueKind.Null or JsonValueKind.False
                || (value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out count) && count is >= 0 and <= MaxLogprobs),
                "logprobs", $"a number from 0 to {MaxLogprobs}");
            return value.ValueKind == JsonValueKind.Number ? count : null;
        }

        Only(
            value.ValueKind is JsonValueKind.Undefined or JsonValueKind.Null or JsonValueKind.False or JsonValueKind.True, "logprobs",
            "true or false");
        Only(request.TopLogprobs is null or (>= 0 and <= MaxLogprobs), "top_logprobs", $"a number from 0 to {MaxLogprobs}");
        Only(
            request.TopLogprobs is null or 0 || value.ValueKind == JsonValueKind.True, "top_logprobs", "a number where 'logprobs' is true");
        return value.ValueKind == JsonValueKind.True ? request.TopLogprobs ?? 0 : null;
    }

    private Func<ITokenMask>? Mask(JsonGrammar? grammar) => grammar is null ? null : () => new JsonTokenMask(model.Tokenizer, grammar);

    private static JsonGrammar? Format(JsonElement? format)
    {
        const string Field = "response_format";
        if (IsNone(format))
        {
            return null;
        }

        JsonElement type = default;
        Only(
            format!.Value.ValueKind == JsonValueKind.Object && format.Value.TryGetProperty("type", out type), Field,
            "an object with a type");
        if (Is(type, "text"))
        {
            return null;
        }

        if (Is(type, "json_object"))
        {
            return JsonGrammar.AnyObject;
        }

        JsonElement schema = default;
        Only(
            Is(type, "json_schema") && format.Value.TryGetProperty("json_schema", out JsonElement holder)
                && holder.ValueKind == JsonValueKind.Object
            && holder.TryGetProperty("schema", out schema),
            Field, "of the type text, json_object, or json_schema with a json_schema.schema");
        try
        {
            return JsonGrammar.FromSchema(schema);
        }
        catch (JsonSchemaException e)
        {
            throw ApiException.BadRequest(e.Message, Field);
        }
        catch (InvalidOperationException)
        {
            throw ApiException.BadRequest("A text of the schema has half of a surrogate pair in it.", Field);
        }
    }

    private ChatRequest Chat(ApiRequest request, JsonGrammar? format)
    {
        JsonArray? tools = Tools(request.Tools);
        (ToolChoice choice, string? named) = Choice(request.ToolChoice, tools);
        List<JsonObject> messages = [.. Messages(request.Messages)];
        try
        {
            return ChatRequest.Create(
                model, messages, tools, choice, named, request.ParallelToolCalls is false ? 1 : int.MaxValue, format,
                Variables(request.ChatTemplateKwargs));
        }
        catch (ChatTemplateException e)
        {
            throw ApiException.BadRequest(e.Message, "messages");
        }
        catch (JsonSchemaException e)
        {
            throw ApiException.BadRequest(e.Message, "tools");
        }
        catch (ArgumentException e)
        {
            throw ApiException.BadRequest(e.Message, "messages");
        }
        catch (NotSupportedException e)
        {
            throw ApiException.BadRequest(e.Message, format is null ? "tools" : "response_format");
        }
    }

    private static Dictionary<string, JsonElement>? Variables(JsonElement? variables)
    {
        if (IsNone(variables))
        {
            return null;
        }

        Only(variables!.Value.ValueKind == JsonValueKind.Object, "chat_template_kwargs", "an object");
        return variables.Value.EnumerateObject().DistinctBy(variable => variable.Name).ToDictionary(
            variable => variable.Name, variable => variable.Value);
    }

    private static JsonArray? Tools(JsonElement? tools)
    {
        const int MaxTools = 128;
        const string Expected = "a list of up to 128 functions, each {\"type\": \"function\", \"function\": {\"name\": …}}";
        if (IsNone(tools))
        {
            return null;
        }

        Only(tools!.Value.ValueKind == JsonValueKind.Array && tools.Value.GetArrayLength() <= MaxTools, "tools", Expected);
        var result = new JsonArray();
        foreach (JsonElement tool in tools.Value.EnumerateArray())
        {
            Only(
                tool.ValueKind == JsonValueKind.Object && tool.TryGetProperty("type", out JsonElement type) && Is(type, "function")
                && tool.TryGetProperty("function", out JsonElement function) && function.ValueKind == JsonValueKind.Object
                && function.TryGetProperty("name", out JsonElement name) && name.ValueKind == JsonValueKind.String
                && Text(name, "tools") is { Length: > 0 and <= 256 }
                && (!function.TryGetProperty("parameters", out JsonElement parameters) || parameters.ValueKind is JsonValueKind.Object
                    or JsonValueKind.Null),
                "tools", Expected);
            result.Add(Node(tool, "tools"));
        }

        return result;
    }

    private static (ToolChoice Choice, string? Named) Choice(JsonElement? choice, JsonArray? tools)
    {
        const string Field = "tool_choice";
        bool none = tools is null or { Count: 0 };
        switch (choice)
        {
            case null or { ValueKind: JsonValueKind.Null }:
                return (ToolChoice.Auto, null);
            case { ValueKind: JsonValueKind.String } text when text.ValueEquals("auto"):
                return (ToolChoice.Auto, null);
            case { ValueKind: JsonValueKind.String } text when text.ValueEquals("none"):
                return (ToolChoice.None, null);
            case { ValueKind: JsonValueKind.String } text when text.ValueEquals("required"):
                Only(!none, Field, "none or auto without 'tools'");
                return (ToolChoice.Required, null);
            case { ValueKind: JsonValueKind.Object } named
                when named.TryGetProperty("type", out JsonElement type) && Is(type, "function") && named.TryGetProperty(
                    "function", out JsonElement function)
                && function.ValueKind == JsonValueKind.Object && function.TryGetProperty("name", out JsonElement name)
                && name.ValueKind == JsonValueKind.String:
                string tool = Text(name, Field);
                Only(tools?.Any(t => (string?)t!["function"]!["name"] == tool) ?? false, Field, "the name of one of 'tools'");
                return (ToolChoice.Required, tool);
            default:
                throw ApiException.BadRequest("'tool_choice' can only be none, auto, required or a function's name.", Field);
        }
    }

    private static JsonNode Node(JsonElement element, string parameter)
    {
        try
        {
            // By way of the text, which makes every string anew: half a surrogate pair is found here.
            using var stream = new MemoryStream();
            using (var writer = new Utf8JsonWriter(stream))
            {
                element.WriteTo(writer);
            }

            return JsonNode.Parse(stream.GetBuffer().AsSpan(0, (int)stream.Length))!;
        }
        catch (Exception e) when (e is InvalidOperationException or ArgumentException or JsonException)
        {
            throw ApiException.BadRequest($"'{parameter}' has a text or name that cannot be used: {e.Message}", parameter);
        }
    }

    private int Token(JsonElement element, string parameter) =>
        element.ValueKind == JsonValueKind.Number && element.TryGetInt32(out int token) && (uint)token < (uint)model.Config.VocabularySize
            ? token
            : throw ApiException.BadRequest(
                $"A token of '{parameter}' is not a whole number from 0 to {model.Config.VocabularySize - 1}.", parameter);

    private string Echo(JsonElement prompt, int index, ImmutableArray<int> tokens)
    {
        JsonElement part = prompt.ValueKind == JsonValueKind.Array && prompt[0].ValueKind != JsonValueKind.Number ? prompt[index] : prompt;
        return part.ValueKind == JsonValueKind.String ? Text(part, "prompt") : model.Tokenizer.Decode(tokens.AsSpan());
    }

    private static IEnumerable<JsonObject> Messages(List<ApiMessage?>? messages)
    {
        const string Field = "messages";
        Only(messages is { Count: > 0 }, Field, "a list of at least one message");
        foreach (ApiMessage? message in messages!)
        {
            Only(
                message?.Role is "system" or "developer" or "user" or "assistant" or "tool", Field,
                "of the roles system, developer, user, assistant and tool");
            var turn = new JsonObject { ["role"] = message!.Role };
            bool calls = message.Role == "assistant" && message.ToolCalls is { ValueKind: JsonValueKind.Array } list
                && list.GetArrayLength() > 0;
            turn["content"] = calls && IsNone(message.Content) ? null : Content(message.Content);
            if (calls)
            {
                turn["tool_calls"] = new JsonArray([.. message.ToolCalls!.Value.EnumerateArray().Select(Call)]);
            }

            if (message.Role == "tool")
            {
                Only(message.ToolCallId is { Length: > 0 }, Field, "such that a message of the role tool has a tool_call_id");
                turn["tool_call_id"] = message.ToolCallId;
            }

            if (message.Name is { } name)
            {
                turn["name"] = name;
            }

            yield return turn;
        }
    }

    /// <summary>A call, with its arguments as the object that templates want; clients send its text.</summary>
    private static JsonNode Call(JsonElement call)
    {
        JsonElement function = default;
        JsonElement name = default;
        Only(
            call.ValueKind == JsonValueKind.Object && call.TryGetProperty("function", out function)
                && function.ValueKind == JsonValueKind.Object
            && function.TryGetProperty("name", out name) && name.ValueKind == JsonValueKind.String,
            "messages", "such that each of 'tool_calls' has a function with a name");
        JsonNode? arguments = new JsonObject();
        if (function.TryGetProperty("arguments", out JsonElement given) && given.ValueKind != JsonValueKind.Null)
        {
            if (given.ValueKind == JsonValueKind.String)
            {
                string text = Text(given, "messages");
                try
                {
                    arguments = text.Trim().Length == 0 ? arguments : JsonNode.Parse(text);
                }
                catch (JsonException)
                {
                    // What a model once wrote is replayed as it was.
                    arguments = text;
                }
            }
            else
            {
                arguments = Node(given, "messages");
            }
        }

        return new JsonObject
        {
            ["id"] = call.TryGetProperty("id", out JsonElement id) && id.ValueKind == JsonValueKind.String ? Text(id, "messages") : null,
            ["type"] = "function",
            ["function"] = new JsonObject { ["name"] = Text(name, "messages"), ["arguments"] = arguments },
        };
    }

    private static string Content(JsonElement? content) => content switch
    {
        { ValueKind: JsonValueKind.String } text => Text(text, "messages"),
        { ValueKind: JsonValueKind.Array } parts => string.Concat(parts.EnumerateArray().Select(part =>
            part.ValueKind == JsonValueKind.Object && (!part.TryGetProperty("type", out JsonElement type) || Is(type, "text"))
            && part.TryGetProperty("text", out JsonElement text) && text.ValueKind == JsonValueKind.String
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
            { ValueKind: JsonValueKind.Array } list =>
                [.. list.EnumerateArray().Select(element => element.ValueKind == JsonValueKind.String ? Text(element, "stop") : "")],
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
