using System.Buffers;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Kernels.Decoding;

/// <summary>
/// A message of a chat, as the OpenAI API and Hugging Face's templates have it: a JSON object with a <c>role</c>, mostly a
/// <c>content</c> (a text, null, or a list of parts), and whatever else a template reads: <c>name</c>, <c>tool_calls</c>,
/// <c>tool_call_id</c>, <c>reasoning_content</c> … All fields reach the template, in their order.
/// </summary>
public sealed class ChatTurn
{
    /// <summary>Makes a message of a text.</summary>
    /// <param name="role">Whose it is: system, user, assistant, tool …</param>
    /// <param name="content">The text; null where there is none.</param>
    public ChatTurn(string role, string? content)
    {
        ArgumentNullException.ThrowIfNull(role);
        Json = Written(writer =>
        {
            writer.WriteStartObject();
            writer.WriteString("role"u8, role);
            writer.WriteString("content"u8, content);
            writer.WriteEndObject();
        });
    }

    /// <summary>Takes a message as it is.</summary>
    /// <param name="json">A JSON object with a text <c>role</c>.</param>
    /// <exception cref="ArgumentException">It is none, or a text in it has half of a surrogate pair.</exception>
    public ChatTurn(JsonElement json)
    {
        if (json.ValueKind != JsonValueKind.Object || !json.TryGetProperty("role"u8, out JsonElement role)
            || role.ValueKind != JsonValueKind.String)
        {
            throw new ArgumentException("A message is not an object with a 'role'.", nameof(json));
        }

        CheckTexts(json, nameof(json));
        Json = json.Clone();
    }

    /// <inheritdoc cref="ChatTurn(JsonElement)"/>
    public ChatTurn(JsonObject json)
        : this(Written(writer => json.WriteTo(writer)))
    {
    }

    /// <summary>All of the message.</summary>
    public JsonElement Json { get; }

    /// <summary>Whose message it is.</summary>
    public string Role => Json.GetProperty("role"u8).GetString()!;

    /// <summary>The content: a text, null or a list of parts; not there where the message has none.</summary>
    public JsonElement? Content => Json.TryGetProperty("content"u8, out JsonElement content) ? content : null;

    /// <summary>Throws if a text of some JSON cannot be read.</summary>
    /// <exception cref="ArgumentException">A text has half of a surrogate pair.</exception>
    internal static void CheckTexts(JsonElement json, string parameter)
    {
        try
        {
            Visit(json);
        }
        catch (InvalidOperationException e)
        {
            throw new ArgumentException("A text has half of a surrogate pair in it.", parameter, e);
        }
    }

    private static JsonElement Written(Action<Utf8JsonWriter> write)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer))
        {
            write(writer);
        }

        using JsonDocument document = JsonDocument.Parse(buffer.WrittenMemory);
        return document.RootElement.Clone();
    }

    private static void Visit(JsonElement element)
    {
        switch (element.ValueKind)
        {
            case JsonValueKind.Object:
                foreach (JsonProperty property in element.EnumerateObject())
                {
                    _ = property.Name;
                    Visit(property.Value);
                }

                break;
            case JsonValueKind.Array:
                foreach (JsonElement item in element.EnumerateArray())
                {
                    Visit(item);
                }

                break;
            case JsonValueKind.String:
                _ = element.GetString();
                break;
        }
    }
}
