using System.Collections.Immutable;
using System.Runtime.InteropServices;
using System.Text.Json;

namespace Kernels.Decoding;

/// <summary>
/// Writes a chat as the text that a model continues, with the template that the model was published with: <c>chat_template.jinja</c>
/// (and <c>additional_chat_templates/NAME.jinja</c>), else <c>chat_template</c> of <c>tokenizer_config.json</c>, a text or a list of
/// named ones, else <c>chat_template.json</c>. Templates are Jinja, and are run as Hugging Face's transformers runs them, within bounds of
/// steps, depth and characters. Thread-safe.
/// </summary>
/// <remarks>
/// Of what clients send and templates expect, these are brought together: arguments of tool calls that are JSON in a text reach the
/// template as objects, or, if it fails with these, as they are; a list of parts reaches a template whose loops never go through content
/// as its texts put together; the role developer is system to a template that does not name it.
/// </remarks>
public sealed class ChatTemplate
{
    /// <summary>The file name of a template of its own.</summary>
    public const string FileName = "chat_template.jinja";

    /// <summary>The file name of a template in JSON.</summary>
    public const string JsonFileName = "chat_template.json";

    private const string DefaultName = "default";
    private const string ToolName = "tool_use";
    private const string Key = "chat_template";
    private const string AdditionalFolder = "additional_chat_templates";

    private readonly Dictionary<string, (JinjaTemplate Template, string Source)> templates;
    private readonly Dictionary<string, object?> specialTokens;

    private ChatTemplate(Dictionary<string, (JinjaTemplate, string)> templates, Dictionary<string, object?> specialTokens)
    {
        this.templates = templates;
        this.specialTokens = specialTokens;
    }

    /// <summary>
    /// For models without a template: a line <c>role: content</c> for each message, and <c>assistant:</c> to begin a reply, which ends
    /// where the next line of the user would begin (<see cref="Stop"/>). The blank that a reply begins with is not doubled in its line.
    /// </summary>
    public static ChatTemplate Plain { get; } = new(
        Sources((
            DefaultName,
            """
            {%- for message in messages %}
                {{- message.role }}: {% if message.role == 'assistant' %}{{ (message.content or '') | trim }}
                {%- else %}{{ message.content or '' }}{% endif %}
                {%- if message.tool_calls %}{{ message.tool_calls | tojson }}{% endif %}
                {{- '\n' }}
            {%- endfor %}
            {%- if add_generation_prompt %}assistant:{% endif %}
            """)),
        [])
    {
        WritesSpecialTokens = false,
        Stop = ["\nuser:"],
    };

    /// <summary>Whether the text has the tokens in it that begin and part texts: then no others are added when it is encoded.</summary>
    public bool WritesSpecialTokens { get; private init; } = true;

    /// <summary>Texts that end a reply; empty for a model's own template, whose replies end with tokens.</summary>
    public ImmutableArray<string> Stop { get; private init; } = [];

    /// <summary>The text of the token that ends a text or turn, as the tokenizer has it; null if it has none.</summary>
    public string? EndToken => specialTokens.GetValueOrDefault("eos_token") as string;

    /// <summary>Reads the template of a checkpoint folder.</summary>
    /// <returns>The template; null if the folder has none: <see cref="Plain"/> may do.</returns>
    /// <exception cref="CheckpointException">A file cannot be read, or a template is not well-formed.</exception>
    public static ChatTemplate? Load(string folder)
    {
        ArgumentNullException.ThrowIfNull(folder);
        folder = CheckpointFolder.Resolve(folder);
        if (CheckpointFolder.IsGguf(folder))
        {
            return LoadGguf(folder);
        }

        (string path, List<(string Name, string Source)> found) = Find(folder);
        if (found.Count == 0)
        {
            return null;
        }

        try
        {
            return new ChatTemplate(Sources([.. found]), SpecialTokens.Load(folder));
        }
        catch (ChatTemplateException e)
        {
            throw new CheckpointException(path, e.Message, e);
        }
    }

    /// <summary>Makes a template of its source.</summary>
    /// <param name="source">The Jinja source.</param>
    /// <param name="specialTokens">The tokens that it may write, such as <c>bos_token</c>; null for none.</param>
    /// <exception cref="ChatTemplateException">It is not well-formed.</exception>
    public static ChatTemplate Parse(string source, IReadOnlyDictionary<string, string>? specialTokens = null)
    {
        ArgumentNullException.ThrowIfNull(source);
        return new ChatTemplate(
            Sources((DefaultName, source)),
            specialTokens?.ToDictionary(token => token.Key, object? (token) => token.Value) ?? []);
    }

    /// <summary>
    /// Whether a template reads a variable, such as <c>tools</c> or <c>enable_thinking</c>: one that is not read changes nothing.
    /// </summary>
    public bool Reads(string variable) => templates.Values.Any(template => template.Template.Reads(variable));

    /// <summary>Writes a chat.</summary>
    /// <exception cref="ChatTemplateException">The template refuses the chat, fails, or does not end within its bounds.</exception>
    /// <exception cref="ArgumentException">Tools, documents or a variable have half of a surrogate pair in a text.</exception>
    public string Render(ChatConversation conversation)
    {
        ArgumentNullException.ThrowIfNull(conversation);
        (JinjaTemplate template, string source) = Choose(conversation);
        try
        {
            return Render(template, source, conversation, parseArguments: true);
        }
        catch (ChatTemplateException e) when (e.Fault == ChatTemplateFault.Value && conversation.Messages.Any(HasTextArguments))
        {
            // Some templates put arguments into the text as they come.
            try
            {
                return Render(template, source, conversation, parseArguments: false);
            }
            catch (ChatTemplateException)
            {
                throw e;
            }
        }
    }

    /// <summary>Writes a chat of messages alone.</summary>
    /// <inheritdoc cref="Render(ChatConversation)"/>
    public string Render(IReadOnlyList<ChatTurn> messages) => Render(new ChatConversation(messages));

    /// <summary>The tokens of a text that this template wrote.</summary>
    public ImmutableArray<int> Encode(TextTokenizer tokenizer, string text)
    {
        ArgumentNullException.ThrowIfNull(tokenizer);
        return WritesSpecialTokens ? [.. tokenizer.Encode(text)] : tokenizer.EncodePrompt(text);
    }

    /// <summary>The tokens that end a reply beside those of the model's configuration: the tokenizer's own end of text.</summary>
    public ImmutableArray<int> EndTokens(TextTokenizer tokenizer)
    {
        ArgumentNullException.ThrowIfNull(tokenizer);
        return EndToken is { Length: > 0 } text && tokenizer.Encode(text) is [var token] ? [token] : [];
    }

    private static ChatTemplate? LoadGguf(string path)
    {
        using GgufFile file = GgufFile.Open(path);
        if (file.ChatTemplate is not { Length: > 0 } source)
        {
            return null;
        }

        var tokens = new Dictionary<string, string>();
        foreach ((string name, int? id) in ((string, int?)[])[("bos_token", file.BosTokenId), ("eos_token", file.EosTokenId)])
        {
            if (id is { } known && known < file.Tokens.Length)
            {
                tokens[name] = file.Tokens[known];
            }
        }

        try
        {
            return Parse(source, tokens);
        }
        catch (ChatTemplateException e)
        {
            throw new CheckpointException(path, e.Message, e);
        }
    }

    private static (string Path, List<(string Name, string Source)> Found) Find(string folder)
    {
        string path = Path.Combine(folder, FileName);
        var found = new List<(string, string)>();
        if (File.Exists(path))
        {
            found.Add((DefaultName, ReadText(path)));
        }

        string additional = Path.Combine(folder, AdditionalFolder);
        if (Directory.Exists(additional))
        {
            IEnumerable<string> files = Directory.EnumerateFiles(additional, "*.jinja").Order(StringComparer.Ordinal);
            found.AddRange(files.Select(file => (Path.GetFileNameWithoutExtension(file), ReadText(file))));
        }

        foreach (string name in (string[])[SpecialTokens.ConfigFileName, JsonFileName])
        {
            if (found.Count > 0)
            {
                break;
            }

            path = Path.Combine(folder, name);
            if (File.Exists(path))
            {
                using JsonDocument document = JsonFile.Open(path);
                if (document.RootElement.ValueKind == JsonValueKind.Object
                    && document.RootElement.TryGetProperty(Key, out JsonElement value))
                {
                    found.AddRange(ReadJson(path, value));
                }
            }
        }

        return (path, found);
    }

    private static string ReadText(string path)
    {
        try
        {
            return File.ReadAllText(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CheckpointException(path, "cannot be opened: " + e.Message, e);
        }
    }

    private static IEnumerable<(string, string)> ReadJson(string path, JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Null => [],
        JsonValueKind.Array => [.. value.EnumerateArray().Select(entry => (Member(path, entry, "name"), Member(path, entry, "template")))],
        JsonValueKind.Object => [.. value.EnumerateObject().Select(entry => (entry.Name, Text(path, entry.Value)))],
        _ => [(DefaultName, Text(path, value))],
    };

    private static string Member(string path, JsonElement entry, string name) =>
        Text(path, entry.ValueKind == JsonValueKind.Object && entry.TryGetProperty(name, out JsonElement member) ? member : default);

    private static string Text(string path, JsonElement element)
    {
        try
        {
            if (element.ValueKind == JsonValueKind.String)
            {
                return element.GetString()!;
            }
        }
        catch (InvalidOperationException e)
        {
            throw new CheckpointException(path, $"has half of a surrogate pair in its '{Key}'", e);
        }

        throw new CheckpointException(path, $"has a '{Key}' that is neither a text nor a list of objects with 'name' and 'template'");
    }

    private static Dictionary<string, (JinjaTemplate, string)> Sources(params (string Name, string Source)[] sources)
    {
        var templates = new Dictionary<string, (JinjaTemplate, string)>();
        foreach ((string name, string source) in sources)
        {
            templates[name] = (new JinjaTemplate(source), source);
        }

        return templates;
    }

    // As transformers chooses among named templates.
    private (JinjaTemplate Template, string Source) Choose(ChatConversation conversation) =>
        conversation.Tools is not null && templates.TryGetValue(ToolName, out (JinjaTemplate, string) tools) ? tools
        : templates.TryGetValue(DefaultName, out (JinjaTemplate, string) plain) ? plain
        : templates.Count == 1 ? templates.Values.First()
        : throw new ChatTemplateException(
            ChatTemplateFault.Value, 1, $"there are the templates {string.Join(", ", templates.Keys)}, but none is called '{DefaultName}'");

    private string Render(JinjaTemplate template, string source, ChatConversation conversation, bool parseArguments)
    {
        var variables = new Dictionary<string, object?>(specialTokens)
        {
            ["messages"] = new JinjaList([.. conversation.Messages.Select(message => Convert(template, source, message, parseArguments))]),
            ["tools"] = FromJson(conversation.Tools),
            ["documents"] = FromJson(conversation.Documents),
            ["add_generation_prompt"] = conversation.AddGenerationPrompt,
        };
        foreach ((string name, JsonElement value) in conversation.Variables)
        {
            variables[name] = FromJson(value);
        }

        long bytes = conversation.Messages.Sum(message => SizeOf(message.Json))
            + SizeOf(conversation.Tools) + SizeOf(conversation.Documents);
        return template.Render(variables, conversation.Date ?? DateTime.Now, bytes);
    }

    private static object? FromJson(JsonElement? json)
    {
        if (json is not { } element || element.ValueKind == JsonValueKind.Undefined)
        {
            return null;
        }

        ChatTurn.CheckTexts(element, nameof(json));
        return JinjaValue.FromJson(element);
    }

    private static long SizeOf(JsonElement? json) =>
        json is { ValueKind: not JsonValueKind.Undefined } element ? JsonMarshal.GetRawUtf8Value(element).Length : 0;

    private static JinjaDictionary Convert(JinjaTemplate template, string source, ChatTurn message, bool parseArguments)
    {
        var converted = (JinjaDictionary)JinjaValue.FromJson(message.Json)!;
        if (message.Role == "developer" && !source.Contains("developer", StringComparison.Ordinal))
        {
            converted["role"] = "system";
        }

        if (message.Content is { ValueKind: JsonValueKind.Array } parts && !template.LoopsOverContent && TextsOf(parts) is { } texts)
        {
            converted["content"] = string.Concat(texts);
        }

        if (parseArguments && converted.TryGet("tool_calls", out object? calls) && calls is JinjaList list)
        {
            foreach (object? call in list.Items)
            {
                if (FunctionOf(call) is { } function && function.TryGet("arguments", out object? arguments) && arguments is string text
                    && Parse(text) is { } parsed)
                {
                    function["arguments"] = parsed;
                }
            }
        }

        return converted;
    }

    // The texts of parts; null if one is something else.
    private static List<string>? TextsOf(JsonElement parts)
    {
        var texts = new List<string>();
        foreach (JsonElement part in parts.EnumerateArray())
        {
            if (part.ValueKind != JsonValueKind.Object || !part.TryGetProperty("text", out JsonElement text)
                || text.ValueKind != JsonValueKind.String)
            {
                return null;
            }

            texts.Add(text.GetString()!);
        }

        return texts;
    }

    private static JinjaDictionary? FunctionOf(object? call) =>
        call is JinjaDictionary dictionary && dictionary.TryGet("function", out object? function)
            ? function as JinjaDictionary
            : call as JinjaDictionary;

    private static object? Parse(string arguments)
    {
        if (string.IsNullOrWhiteSpace(arguments))
        {
            return new JinjaDictionary();
        }

        try
        {
            using JsonDocument document = JsonDocument.Parse(arguments);
            return JinjaValue.FromJson(document.RootElement);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            return null;
        }
    }

    private static bool HasTextArguments(ChatTurn message) =>
        message.Json.TryGetProperty("tool_calls", out JsonElement calls) && calls.ValueKind == JsonValueKind.Array;
}
