using System.Collections.Immutable;
using System.Diagnostics;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.Extensions.AI;

namespace Kernels.Decoding;

/// <summary>
/// Chats with a <see cref="LanguageModel"/> through Microsoft.Extensions.AI. What <see cref="ChatOptions"/> asks for is done, or refused by
/// name with a <see cref="NotSupportedException"/>. Of its AdditionalProperties, <c>min_p</c>, <c>repetition_penalty</c>,
/// <c>stop_token_ids</c> and <c>ignore_eos</c> are known. Thread-safe.
/// </summary>
public sealed class KernelsChatClient : IChatClient
{
    private readonly LanguageModel model;
    private readonly bool owns;
    private readonly ChatClientMetadata metadata;

    /// <param name="model">The model.</param>
    /// <param name="ownsModel">Whether the model is disposed of with the client; else it must outlive it.</param>
    public KernelsChatClient(LanguageModel model, bool ownsModel = false)
    {
        ArgumentNullException.ThrowIfNull(model);
        this.model = model;
        owns = ownsModel;
        metadata = new ChatClientMetadata("kernels", defaultModelId: model.Name);
    }

    /// <inheritdoc/>
    public async Task<ChatResponse> GetResponseAsync(
        IEnumerable<ChatMessage> messages, ChatOptions? options = null, CancellationToken cancellationToken = default) =>
        await GetStreamingResponseAsync(messages, options, cancellationToken).ToChatResponseAsync(cancellationToken).ConfigureAwait(false);

    /// <inheritdoc/>
    /// <exception cref="NotSupportedException">An option or a content that is not supported; the message names it.</exception>
    /// <exception cref="ArgumentException">The chat is longer than the context, or an option is outside its range.</exception>
    public async IAsyncEnumerable<ChatResponseUpdate> GetStreamingResponseAsync(
        IEnumerable<ChatMessage> messages, ChatOptions? options = null, [EnumeratorCancellation]
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(messages);
        options ??= new ChatOptions();
        Check(options);
        ChatRequest chat = CreateChat(messages, options);
        GenerationRequest request = CreateRequest(chat, options);
        long began = Stopwatch.GetTimestamp();
        Activity? activity = Telemetry.Start(Telemetry.Chat, model.Name, request);
        int tokens = 0;
        string? finished = null;
        Exception? error = null;
        string id = "chatcmpl-" + Guid.NewGuid().ToString("N");
        try
        {
            Generation generation = await model.Engine.SubmitAsync(request, cancellationToken).ConfigureAwait(false);
            ReplyParser parser = chat.CreateParser();
            IAsyncEnumerator<GenerationChunk> chunks = generation.ReadAsync(cancellationToken).GetAsyncEnumerator(cancellationToken);
            await using (chunks.ConfigureAwait(false))
            {
                while (finished is null && await Next(chunks).ConfigureAwait(false))
                {
                    GenerationChunk chunk = chunks.Current;
                    tokens += chunk.Token is null ? 0 : 1;
                    IEnumerable<ReplyPart> parts = parser.Push(chunk.Text);
                    foreach (ReplyPart part in chunk.Finish is null ? parts : [.. parts, .. parser.Finish()])
                    {
                        yield return Update(part.Call is { } call ? ContentOf(call) : new TextContent(part.Text));
                    }

                    ObjectDisposedException.ThrowIf(chunk.Finish == FinishReason.Cancelled, model);
                    if (chunk.Finish is not null || parser.IsFull)
                    {
                        ChatFinishReason reason = parser.Calls > 0 ? ChatFinishReason.ToolCalls : chunk.Finish == FinishReason.Length
                            ? ChatFinishReason.Length : ChatFinishReason.Stop;
                        finished = reason.Value;
                        ChatResponseUpdate last = Update(new UsageContent(new UsageDetails
                        {
                            InputTokenCount = generation.PromptTokens,
                            OutputTokenCount = tokens,
                            TotalTokenCount = generation.PromptTokens + tokens,
                            CachedInputTokenCount = generation.ReusedTokens,
                        }));
                        last.FinishReason = reason;
                        yield return last;
                    }
                }
            }
        }
        finally
        {
            Telemetry.End(activity, began, Telemetry.Chat, model.Name, request.Prompt.Length, tokens, finished, error);
        }

        ChatResponseUpdate Update(AIContent content) => new(ChatRole.Assistant, [content])
        {
            ResponseId = id,
            MessageId = id,
            ModelId = model.Name,
            CreatedAt = DateTimeOffset.UtcNow,
        };

        async ValueTask<bool> Next(IAsyncEnumerator<GenerationChunk> chunks)
        {
            try
            {
                return await chunks.MoveNextAsync().ConfigureAwait(false);
            }
            catch (Exception e)
            {
                error = e;
                throw;
            }
        }
    }

    /// <inheritdoc/>
    public object? GetService(Type serviceType, object? serviceKey = null)
    {
        ArgumentNullException.ThrowIfNull(serviceType);
        return serviceKey is not null ? null
            : serviceType == typeof(ChatClientMetadata) ? metadata
            : serviceType.IsInstanceOfType(model) ? model
            : serviceType.IsInstanceOfType(this) ? this
            : null;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (owns)
        {
            model.Dispose();
        }
    }

    private void Check(ChatOptions options)
    {
        Refuse(options.ModelId is { } id && id != model.Name, nameof(options.ModelId), $"only '{model.Name}' is here");
        Refuse(options.ConversationId is not null, nameof(options.ConversationId), "chats are not kept: send all messages");
        Refuse(options.Reasoning is not null, nameof(options.Reasoning), "there is no such setting");
#pragma warning disable MEAI001 // For evaluation only; asked for to refuse it.
        Refuse(options.AllowBackgroundResponses is true, nameof(options.AllowBackgroundResponses), "replies are not kept");
        Refuse(options.ContinuationToken is not null, nameof(options.ContinuationToken), "replies are not kept");
#pragma warning restore MEAI001
        foreach (string name in options.AdditionalProperties?.Keys ?? [])
        {
            Refuse(
                name is not ("min_p" or "repetition_penalty" or "stop_token_ids" or "ignore_eos"),
                $"{nameof(options.AdditionalProperties)}[\"{name}\"]", "it is not known");
        }
    }

    private static void Refuse(bool wrong, string option, string reason)
    {
        if (wrong)
        {
            throw new NotSupportedException($"ChatOptions.{option} is not supported: {reason}.");
        }
    }

    private GenerationRequest CreateRequest(ChatRequest chat, ChatOptions options)
    {
        SamplingOptions defaults = model.Sampling;
        var sampling = defaults with
        {
            Temperature = Widen(options.Temperature) ?? defaults.Temperature,
            TopP = Widen(options.TopP) ?? defaults.TopP,
            TopK = options.TopK ?? defaults.TopK,
            MinP = Number("min_p") ?? defaults.MinP,
            FrequencyPenalty = Widen(options.FrequencyPenalty) ?? defaults.FrequencyPenalty,
            PresencePenalty = Widen(options.PresencePenalty) ?? defaults.PresencePenalty,
            RepetitionPenalty = Number("repetition_penalty") ?? defaults.RepetitionPenalty,
            Seed = options.Seed is { } seed ? unchecked((int)(seed ^ (seed >> 32))) : null,
        };
        return model.CreateRequest(model.Template.Encode(model.Tokenizer, chat.Prompt), new GenerationOptions
        {
            MaxTokens = options.MaxOutputTokens,
            Sampling = sampling,
            Stop = [.. options.StopSequences ?? [], .. chat.Stop],
            StopTokens =
            [
                .. chat.StopTokens,
                .. options.AdditionalProperties?.TryGetValue("stop_token_ids", out object? ids) is true
                    ? ids as IEnumerable<int>
                    ?? throw new ArgumentException("The additional property 'stop_token_ids' is not a list of integers.", nameof(options))
                    : [],
            ],
            IgnoreEnd = options.AdditionalProperties?.TryGetValue("ignore_eos", out object? ignore) is true
                && (ignore is bool flag
                    ? flag : throw new ArgumentException("The additional property 'ignore_eos' is not a boolean.", nameof(options))),
            Format = chat.Format,
        }) with { Operation = Telemetry.Chat, ShownTokens = chat.ShownTokens };

        double? Number(string name) =>
            options.AdditionalProperties?.TryGetValue(name, out object? value) is not true ? null
            : value is double or float or int or long or decimal ? Convert.ToDouble(value, CultureInfo.InvariantCulture)
            : throw new ArgumentException($"The additional property '{name}' is not a number.", nameof(options));

        // By way of its decimal digits: 0.1f is meant as 0.1.
        static double? Widen(float? value) => value is { } number
            ? double.Parse(number.ToString("R", CultureInfo.InvariantCulture), CultureInfo.InvariantCulture) : null;
    }

    private ChatRequest CreateChat(IEnumerable<ChatMessage> messages, ChatOptions options)
    {
        var turns = new List<JsonObject>();
        if (!string.IsNullOrEmpty(options.Instructions))
        {
            turns.Add(new JsonObject { ["role"] = "system", ["content"] = options.Instructions });
        }

        foreach (ChatMessage message in messages)
        {
            turns.AddRange(Turns(message));
        }

        if (turns.Count == 0)
        {
            throw new ArgumentException("There are no messages.", nameof(messages));
        }

        JsonArray? tools = options.Tools is { Count: > 0 } list ? new JsonArray([.. list.Select(Tool)]) : null;
        (ToolChoice choice, string? named) = options.ToolMode switch
        {
            null or AutoChatToolMode => (ToolChoice.Auto, (string?)null),
            NoneChatToolMode => (ToolChoice.None, null),
            RequiredChatToolMode required => (ToolChoice.Required, required.RequiredFunctionName),
            _ => throw new NotSupportedException($"ChatOptions.ToolMode is not supported: {options.ToolMode}."),
        };
        if (choice == ToolChoice.Required
            && (tools is null || (named is not null && !tools.Any(tool => (string?)tool!["function"]!["name"] == named))))
        {
            throw new ArgumentException("ChatOptions.ToolMode requires a tool that ChatOptions.Tools does not have.", nameof(options));
        }

        JsonGrammar? format = options.ResponseFormat switch
        {
            null or ChatResponseFormatText => null,
            ChatResponseFormatJson { Schema: { } schema } => JsonGrammar.FromSchema(schema),
            ChatResponseFormatJson => JsonGrammar.AnyObject,
            _ => throw new NotSupportedException($"ChatOptions.ResponseFormat is not supported: {options.ResponseFormat}."),
        };
        return ChatRequest.Create(model, turns, tools, choice, named, options.AllowMultipleToolCalls is false ? 1 : int.MaxValue, format);
    }

    private static JsonNode Tool(AITool tool)
    {
        if (tool is not AIFunctionDeclaration function)
        {
            throw new NotSupportedException($"ChatOptions.Tools: {tool.GetType().Name} is not supported; functions are.");
        }

        return new JsonObject
        {
            ["type"] = "function",
            ["function"] = new JsonObject
            {
                ["name"] = function.Name,
                ["description"] = function.Description,
                ["parameters"] = JsonNode.Parse(function.JsonSchema.GetRawText()),
            },
        };
    }

    /// <summary>A message as turns of a chat: the result of each call is a turn of its own.</summary>
    private static IEnumerable<JsonObject> Turns(ChatMessage message)
    {
        var text = new StringBuilder();
        var calls = new JsonArray();
        var results = new List<JsonObject>();
        foreach (AIContent content in message.Contents)
        {
            switch (content)
            {
                case TextContent part:
                    text.Append(part.Text);
                    break;
                case FunctionCallContent call:
                    calls.Add((JsonNode)new JsonObject
                    {
                        ["id"] = call.CallId,
                        ["type"] = "function",
                        ["function"] = new JsonObject
                        {
                            ["name"] = call.Name,
                            ["arguments"] = JsonNode.Parse(
                                Json(call.Arguments ?? new Dictionary<string, object?>(), typeof(IDictionary<string, object?>))),
                        },
                    });
                    break;
                case FunctionResultContent result:
                    results.Add(new JsonObject { ["role"] = "tool", ["content"] = Text(result), ["tool_call_id"] = result.CallId });
                    break;
                case UsageContent or TextReasoningContent or ErrorContent:
                    // What a reply told besides its text; it is not replayed.
                    break;
                default:
                    throw new NotSupportedException(
                        $"A message's {content.GetType().Name} is not supported; texts, and calls of functions and their results, are.");
            }
        }

        if (text.Length > 0 || calls.Count > 0 || results.Count == 0)
        {
            var turn = new JsonObject
            {
                ["role"] = message.Role.Value,
                ["content"] = text.Length == 0 && calls.Count > 0 ? null : text.ToString(),
            };
            if (calls.Count > 0)
            {
                turn["tool_calls"] = calls;
            }

            yield return turn;
        }

        foreach (JsonObject result in results)
        {
            yield return result;
        }
    }

    private static string Text(FunctionResultContent result) => result.Result switch
    {
        null => result.Exception is { } error ? "Error: " + error.Message : "",
        string text => text,
        JsonElement { ValueKind: JsonValueKind.String } json => json.GetString()!,
        JsonElement json => json.GetRawText(),
        TextContent text => text.Text,
        var value => Json(value, typeof(object)),
    };

    private static string Json(object value, Type type) =>
        JsonSerializer.Serialize(value, AIJsonUtilities.DefaultOptions.GetTypeInfo(type));

    private static FunctionCallContent ContentOf(ToolCall call)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(call.Arguments);
            return new FunctionCallContent(
                call.Id, call.Name, document.RootElement.EnumerateObject().GroupBy(argument => argument.Name, StringComparer.Ordinal)
                .ToDictionary(group => group.Key, group => (object?)group.Last().Value.Clone(), StringComparer.Ordinal));
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            return new FunctionCallContent(call.Id, call.Name)
            {
                Exception = new InvalidOperationException("The arguments of the call are not a JSON object.", e),
            };
        }
    }
}
