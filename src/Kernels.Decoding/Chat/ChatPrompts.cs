using System.Collections.Immutable;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Kernels.Decoding;

/// <summary>
/// Writes a chat as a text to continue. Templates of checkpoints are programs (Jinja) and are not run; the two most common forms
/// are recognised by their special tokens. Any other model gets lines of "role: content", ended by "assistant:".
/// </summary>
internal sealed class ChatPrompts
{
    private static readonly (string[] Markers, ChatPrompts Form)[] Known =
    [
        (["<|im_start|>", "<|im_end|>"], new ChatPrompts("<|im_start|>{0}\n{1}<|im_end|>\n", "<|im_start|>assistant\n", "<|im_end|>")),
        (["<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"],
            new ChatPrompts("<|start_header_id|>{0}<|end_header_id|>\n\n{1}<|eot_id|>", "<|start_header_id|>assistant<|end_header_id|>\n\n", "<|eot_id|>")),
    ];

    private static readonly ChatPrompts Plain = new("{0}: {1}\n", "assistant:", "\nuser:");
    private static readonly JsonSerializerOptions Relaxed = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly CompositeFormat message;
    private readonly string reply;

    private ChatPrompts(string message, string reply, string stop)
    {
        this.message = CompositeFormat.Parse(message);
        this.reply = reply;
        Stop = [stop];
    }

    /// <summary>Texts that end a reply.</summary>
    public ImmutableArray<string> Stop { get; }

    /// <summary>Whether a prompt can tell of tools.</summary>
    public bool TakesTools => true;

    /// <summary>The form that the special tokens of a tokenizer tell.</summary>
    public static ChatPrompts For(TextTokenizer tokenizer) =>
        Array.Find(Known, known => known.Markers.All(marker => tokenizer.Encode(marker).Length == 1)).Form ?? Plain;

    /// <summary>The text of a chat, up to the reply.</summary>
    /// <param name="messages">
    /// Messages as in OpenAI's API: role, content (a string or null), and where there are some tool_calls, of which each function's arguments are
    /// an object, tool_call_id and name.
    /// </param>
    /// <param name="tools">The tools, as in OpenAI's API; null for none.</param>
    public string Render(IReadOnlyList<JsonObject> messages, JsonArray? tools)
    {
        var text = new StringBuilder();
        if (tools is { Count: > 0 })
        {
            text.AppendFormat(null, message, "system", Describe(tools));
        }

        foreach (JsonObject turn in messages)
        {
            text.AppendFormat(null, message, (string)turn["role"]!, Content(turn));
        }

        return text.Append(reply).ToString();
    }

    private static string Content(JsonObject turn)
    {
        var content = new StringBuilder((string?)turn["content"]);
        foreach (JsonNode? call in turn["tool_calls"] as JsonArray ?? [])
        {
            var function = (JsonObject)call!["function"]!;
            content.Append(content.Length > 0 ? "\n" : "").Append("<tool_call>")
                .Append(new JsonObject { ["name"] = function["name"]!.DeepClone(), ["arguments"] = function["arguments"]?.DeepClone() }.ToJsonString(Relaxed))
                .Append("</tool_call>");
        }

        return content.ToString();
    }

    private static string Describe(JsonArray tools) =>
        "Functions that can be called, as JSON:\n" + string.Join('\n', tools.Select(tool => tool!["function"]!.ToJsonString(Relaxed)))
        + "\nA reply calls one by <tool_call>{\"name\": its name, \"arguments\": an object}</tool_call>.";
}
