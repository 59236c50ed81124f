using System.Text;
using System.Text.Json;

namespace Kernels.Decoding;

/// <summary>
/// Finds the calls of tools in a reply as its text comes, in the forms that models were trained on:
/// <c>&lt;tool_call&gt;{"name": …, "arguments": …}&lt;/tool_call&gt;</c> (Hermes, Qwen), a reply that is nothing but
/// <c>{"name": …, "parameters": …}</c> (Llama 3), and <c>[TOOL_CALLS][{"name": …, "arguments": …}]</c> (Mistral). What only looks like a
/// call comes as text.
/// </summary>
internal sealed class ReplyParser
{
    private const string Open = "<tool_call>";
    private const string Close = "</tool_call>";
    private const string List = "[TOOL_CALLS]";
    private const string PythonTag = "<|python_tag|>";

    private readonly HashSet<string> tools;
    private readonly bool forced;
    private readonly int most;
    private readonly StringBuilder held = new();
    private Mode mode;
    private int calls;

    /// <param name="tools">The tools' names; without any, all is text.</param>
    /// <param name="forced">Whether the whole reply is one call, <c>{"name": …, "arguments": …}</c>.</param>
    /// <param name="most">The most calls; further ones are left out.</param>
    public ReplyParser(IEnumerable<string> tools, bool forced = false, int most = int.MaxValue)
    {
        this.tools = [.. tools];
        this.forced = forced;
        this.most = most;
        mode = this.tools.Count == 0 ? Mode.TextOnly : forced ? Mode.Whole : Mode.Start;
    }

    private enum Mode
    {
        TextOnly,

        // Nothing but white space so far.
        Start,
        Text,

        // The whole rest may be calls.
        Whole,
        InCall,
        InList,
    }

    /// <summary>Calls so far.</summary>
    public int Calls => calls;

    /// <summary>Whether as many calls have come as may.</summary>
    public bool IsFull => calls >= most;

    /// <summary>Takes more of the reply, and gives what is certain of it.</summary>
    public IEnumerable<ReplyPart> Push(string text)
    {
        if (mode == Mode.TextOnly)
        {
            return text.Length > 0 ? [new ReplyPart(text, null)] : [];
        }

        held.Append(text);
        return Take(end: false);
    }

    /// <summary>Ends the reply.</summary>
    public IEnumerable<ReplyPart> Finish() => mode == Mode.TextOnly ? [] : Take(end: true);

    private List<ReplyPart> Take(bool end)
    {
        var parts = new List<ReplyPart>();
        if (mode is Mode.Whole or Mode.InList && !end)
        {
            return parts;
        }

        string rest = held.ToString();
        held.Clear();
        while (true)
        {
            switch (mode)
            {
                case Mode.Start:
                    string begun = rest.TrimStart();
                    if (begun.StartsWith('{') || begun.StartsWith(PythonTag, StringComparison.Ordinal))
                    {
                        mode = Mode.Whole;
                        break;
                    }

                    if (!end && (begun.Length == 0 || PythonTag.StartsWith(begun, StringComparison.Ordinal)))
                    {
                        held.Append(rest);
                        return parts;
                    }

                    mode = Mode.Text;
                    break;
                case Mode.Whole when !end:
                    held.Append(rest);
                    return parts;
                case Mode.Whole:
                    string whole = rest.Trim();
                    whole = whole.StartsWith(PythonTag, StringComparison.Ordinal) ? whole[PythonTag.Length..].Trim() : whole;
                    if (ParseAll(whole) is { Count: > 0 } found)
                    {
                        Add(found);
                        return parts;
                    }

                    AddText(rest);
                    return parts;
                case Mode.Text:
                    int open = rest.IndexOf(Open, StringComparison.Ordinal);
                    int list = rest.IndexOf(List, StringComparison.Ordinal);
                    if (open >= 0 && (list < 0 || open < list))
                    {
                        AddText(rest[..open].TrimEnd());
                        rest = rest[open..];
                        mode = Mode.InCall;
                        break;
                    }

                    if (list >= 0)
                    {
                        AddText(rest[..list].TrimEnd());
                        rest = rest[list..];
                        mode = Mode.InList;
                        break;
                    }

                    // White space between calls is none of the text.
                    int keep = end ? 0 : Math.Max(CommonEnd(rest, Open), CommonEnd(rest, List));
                    int spaces = end ? 0 : rest.Length - keep - rest.AsSpan(0, rest.Length - keep).TrimEnd().Length;
                    held.Append(rest.AsSpan(rest.Length - keep - spaces));
                    string certain = rest[..^(keep + spaces)];
                    AddText(end && calls > 0 ? certain.TrimEnd() : certain);
                    return parts;
                case Mode.InCall:
                    int close = rest.IndexOf(Close, StringComparison.Ordinal);
                    if (close < 0 && !end)
                    {
                        held.Append(rest);
                        return parts;
                    }

                    string inner = close < 0 ? rest[Open.Length..] : rest[Open.Length..close];
                    string after = close < 0 ? "" : rest[(close + Close.Length)..];
                    if (Parse(inner, known: false) is { } call)
                    {
                        Add([call]);
                    }
                    else
                    {
                        AddText(close < 0 ? rest : rest[..(close + Close.Length)]);
                    }

                    rest = after;
                    mode = Mode.Text;
                    if (calls > 0)
                    {
                        rest = rest.TrimStart();
                    }

                    break;
                case Mode.InList when !end:
                    held.Append(rest);
                    return parts;
                default:
                    if (ParseList(rest[List.Length..]) is { Count: > 0 } all)
                    {
                        Add(all);
                    }
                    else
                    {
                        AddText(rest);
                    }

                    return parts;
            }
        }

        void AddText(string text)
        {
            if (text.Length > 0)
            {
                parts.Add(new ReplyPart(text, null));
            }
        }

        void Add(List<ToolCall> found)
        {
            foreach (ToolCall call in found)
            {
                if (calls < most)
                {
                    calls++;
                    parts.Add(new ReplyPart(null, call));
                }
            }
        }
    }

    /// <summary>The calls of a text that is nothing else; null where it is not.</summary>
    private List<ToolCall>? ParseAll(string text)
    {
        var found = new List<ToolCall>();
        foreach (string part in forced ? [text] : Split(text))
        {
            if (Parse(part, known: true) is not { } call)
            {
                return null;
            }

            found.Add(call);
        }

        return found;
    }

    // Some models write several, with semicolons between.
    private static IEnumerable<string> Split(string text)
    {
        int depth = 0;
        int start = 0;
        bool quoted = false;
        for (int i = 0; i < text.Length; i++)
        {
            switch (text[i])
            {
                case '\\' when quoted:
                    i++;
                    break;
                case '"':
                    quoted = !quoted;
                    break;
                case '{' when !quoted:
                    depth++;
                    break;
                case '}' when !quoted:
                    depth--;
                    break;
                case ';' when !quoted && depth == 0:
                    yield return text[start..i];
                    start = i + 1;
                    break;
            }
        }

        if (text.AsSpan(start).Trim().Length > 0)
        {
            yield return text[start..];
        }
    }

    private List<ToolCall>? ParseList(string text)
    {
        if (ParseDocument(text) is not { } document)
        {
            return null;
        }

        using (document)
        {
            if (document.RootElement.ValueKind != JsonValueKind.Array)
            {
                return document.RootElement.ValueKind == JsonValueKind.Object && Read(document.RootElement, known: false) is { } single
                    ? [single] : null;
            }

            var found = new List<ToolCall>();
            foreach (JsonElement element in document.RootElement.EnumerateArray())
            {
                if (Read(element, known: false) is not { } call)
                {
                    return null;
                }

                found.Add(call);
            }

            return found;
        }
    }

    private ToolCall? Parse(string text, bool known)
    {
        using JsonDocument? document = ParseDocument(text);
        return document is null ? null : Read(document.RootElement, known);
    }

    private static JsonDocument? ParseDocument(string text)
    {
        try
        {
            return JsonDocument.Parse(text.Trim());
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private ToolCall? Read(JsonElement element, bool known)
    {
        if (element.ValueKind != JsonValueKind.Object || !element.TryGetProperty("name", out JsonElement name)
            || name.ValueKind != JsonValueKind.String)
        {
            return null;
        }

        string tool;
        try
        {
            tool = name.GetString()!;
        }
        catch (InvalidOperationException)
        {
            return null;
        }

        if (known && !tools.Contains(tool))
        {
            return null;
        }

        // Some models write the object as a string.
        string arguments = element.TryGetProperty("arguments", out JsonElement value) || element.TryGetProperty("parameters", out value)
            ? value.ValueKind switch
            {
                JsonValueKind.Object => value.GetRawText(),
                JsonValueKind.String => value.GetString()!,
                JsonValueKind.Null => "{}",
                _ => "",
            }
            : "{}";
        return arguments.Length > 0 ? new ToolCall(ToolCall.NewId(), tool, arguments) : null;
    }

    /// <summary>How many characters at the end of a text begin a mark, without being all of it.</summary>
    private static int CommonEnd(string text, string mark)
    {
        int length = Math.Min(text.Length, mark.Length - 1);
        while (!text.AsSpan(text.Length - length).SequenceEqual(mark.AsSpan(0, length)))
        {
            length--;
        }

        return length;
    }
}
