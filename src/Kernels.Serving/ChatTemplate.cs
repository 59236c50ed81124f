using System.Text;

namespace Kernels.Serving;

/// <summary>
/// Writes a chat as a text to continue. Templates of checkpoints are programs (Jinja) and are not run; the two most common forms
/// are recognised by their special tokens. Any other model gets lines of "role: content", ended by "assistant:".
/// </summary>
/// <param name="Message">A message, with {0} for its role and {1} for its content.</param>
/// <param name="Reply">What comes before the reply.</param>
/// <param name="Stop">What ends the reply.</param>
internal sealed record ChatTemplate(CompositeFormat Message, string Reply, string Stop)
{
    private static readonly (string[] Markers, ChatTemplate Template)[] Known =
    [
        (["<|im_start|>", "<|im_end|>"], Create("<|im_start|>{0}\n{1}<|im_end|>\n", "<|im_start|>assistant\n", "<|im_end|>")),
        (["<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"],
            Create("<|start_header_id|>{0}<|end_header_id|>\n\n{1}<|eot_id|>", "<|start_header_id|>assistant<|end_header_id|>\n\n", "<|eot_id|>")),
    ];

    private static readonly ChatTemplate Plain = Create("{0}: {1}\n", "assistant:", "\nuser:");

    /// <summary>The form that the special tokens of a tokenizer tell.</summary>
    public static ChatTemplate For(TextTokenizer tokenizer) =>
        Array.Find(Known, known => known.Markers.All(marker => tokenizer.Encode(marker).Length == 1)).Template ?? Plain;

    /// <summary>The text of a chat, up to the reply.</summary>
    public string Apply(IEnumerable<(string Role, string Content)> messages)
    {
        var text = new StringBuilder();
        foreach ((string role, string content) in messages)
        {
            text.AppendFormat(null, Message, role, content);
        }

        return text.Append(Reply).ToString();
    }

    private static ChatTemplate Create(string message, string reply, string stop) => new(CompositeFormat.Parse(message), reply, stop);
}
