using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Kernels.Decoding;

/// <summary>A chat to be answered, and what its answer is read with. The one place where messages become a prompt.</summary>
internal sealed class ChatRequest
{
    private readonly string[] tools;
    private readonly bool forced;
    private readonly int mostCalls;

    private ChatRequest(string prompt, bool addsSpecialTokens, string[] tools, bool forced, int mostCalls)
    {
        Prompt = prompt;
        AddsSpecialTokens = addsSpecialTokens;
        this.tools = tools;
        this.forced = forced;
        this.mostCalls = mostCalls;
    }

    /// <summary>The text to continue.</summary>
    public string Prompt { get; }

    /// <summary>Whether the tokenizer's own begin and end tokens are added to the text, which has none yet.</summary>
    public bool AddsSpecialTokens { get; }

    /// <summary>Tokens that end the reply beside those of the model's configuration.</summary>
    public ImmutableArray<int> StopTokens { get; private init; } = [];

    /// <summary>What the reply is held to; null for nothing.</summary>
    public JsonGrammar? Format { get; private init; }

    /// <summary>Texts that end the reply.</summary>
    public ImmutableArray<string> Stop { get; private init; } = [];

    /// <summary>Special tokens that are marks of calls.</summary>
    public ImmutableArray<int> ShownTokens { get; private init; } = [];

    /// <summary>Makes the prompt of a chat.</summary>
    /// <param name="model">The model.</param>
    /// <param name="messages">
    /// Messages as in OpenAI's API: role, content (a string or null), and where there are some tool_calls, of which each function's
    /// arguments are an object, tool_call_id and name.
    /// </param>
    /// <param name="tools">Tools as in OpenAI's API; null for none.</param>
    /// <param name="choice">Whether the reply calls one.</param>
    /// <param name="named">The tool that it must call; null for any.</param>
    /// <param name="mostCalls">The most calls of a reply.</param>
    /// <param name="format">What a reply that calls no tool is held to; null for nothing.</param>
    /// <param name="variables">Further variables of the model's template, such as enable_thinking.</param>
    /// <exception cref="NotSupportedException">
    /// The model's template knows no tools, or tools and a format were asked for together.
    /// </exception>
    /// <exception cref="ChatTemplateException">The template refuses the chat, or fails.</exception>
    /// <exception cref="JsonSchemaException">
    /// The parameters of a tool that must be called have a schema that replies cannot be held to.
    /// </exception>
    public static ChatRequest Create(
        LanguageModel model, IReadOnlyList<JsonObject> messages, JsonArray? tools, ToolChoice choice, string? named, int mostCalls,
        JsonGrammar? format, IReadOnlyDictionary<string, JsonElement>? variables = null)
    {
        ChatTemplate template = model.Template;
        JsonArray? told = choice == ToolChoice.None || tools is { Count: 0 } ? null : tools;
        if (told is not null && !template.Reads("tools"))
        {
            throw new NotSupportedException("The model's chat template knows no tools.");
        }

        if (told is not null && format is not null)
        {
            throw new NotSupportedException("A reply that may call tools cannot be held to a format.");
        }

        string[] names = [.. (told ?? []).Select(tool => (string)tool!["function"]!["name"]!)];
        bool forced = told is not null && choice == ToolChoice.Required;
        JsonElement? listed = null;
        if (told is not null)
        {
            using JsonDocument document = JsonDocument.Parse(told.ToJsonString());
            listed = document.RootElement.Clone();
        }

        string prompt = template.Render(new ChatConversation([.. messages.Select(message => new ChatTurn(message))])
        {
            Tools = listed,
            Variables = variables ?? ImmutableDictionary<string, JsonElement>.Empty,
        });
        return new ChatRequest(prompt, !template.WritesSpecialTokens, names, forced, mostCalls)
        {
            StopTokens = template.EndTokens(model.Tokenizer),
            Format = forced ? CallGrammar(told!, named) : format,
            Stop = forced ? [] : template.Stop,
            ShownTokens = told is null ? [] : CallMarks(model.Tokenizer),
        };
    }

    /// <summary>What the reply's text is read with.</summary>
    public ReplyParser CreateParser() => new(tools, forced, mostCalls);

    private static JsonGrammar CallGrammar(JsonArray tools, string? named)
    {
        var alternatives = new JsonArray();
        foreach (JsonNode? tool in tools)
        {
            JsonNode function = tool!["function"]!;
            if (named is null || (string)function["name"]! == named)
            {
                alternatives.Add((JsonNode)new JsonObject
                {
                    ["type"] = "object",
                    ["properties"] = new JsonObject
                    {
                        ["name"] = new JsonObject { ["const"] = function["name"]!.DeepClone() },
                        ["arguments"] = function["parameters"] is JsonObject { Count: > 0 } parameters
                            ? Rooted(parameters, alternatives.Count) : new JsonObject { ["type"] = "object" },
                    },
                    ["required"] = new JsonArray("name", "arguments"),
                    ["additionalProperties"] = false,
                });
            }
        }

        using JsonDocument schema = JsonDocument.Parse(new JsonObject { ["anyOf"] = alternatives }.ToJsonString());
        return JsonGrammar.FromSchema(schema.RootElement);
    }

    /// <summary>A schema whose references within itself hold where it now stands.</summary>
    private static JsonNode Rooted(JsonObject schema, int alternative)
    {
        JsonNode copy = schema.DeepClone();
        Visit(copy);
        return copy;

        void Visit(JsonNode? node)
        {
            if (node is JsonObject map)
            {
                if (map["$ref"] is JsonValue value && value.TryGetValue(out string? pointer) && pointer.StartsWith('#'))
                {
                    map["$ref"] = $"#/anyOf/{alternative}/properties/arguments{pointer[1..]}";
                }

                foreach ((_, JsonNode? child) in map)
                {
                    Visit(child);
                }
            }
            else if (node is JsonArray list)
            {
                foreach (JsonNode? child in list)
                {
                    Visit(child);
                }
            }
        }
    }

    private static ImmutableArray<int> CallMarks(TextTokenizer tokenizer) =>
    [
        .. ((string[])["[TOOL_CALLS]", "<|python_tag|>", "<tool_call>", "</tool_call>"])
            .Select(tokenizer.Encode).Where(ids => ids.Length == 1 && TokenText.IsSpecial(tokenizer, ids[0])).Select(ids => ids[0]),
    ];
}
