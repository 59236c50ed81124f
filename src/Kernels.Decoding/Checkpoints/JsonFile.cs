using System.Text.Json;
using System.Text.Unicode;

namespace Kernels.Decoding;

/// <summary>Opens the JSON files of a checkpoint folder.</summary>
internal static class JsonFile
{
    /// <exception cref="CheckpointException">The file cannot be opened, or is not JSON.</exception>
    public static JsonDocument Open(string path)
    {
        try
        {
            // Through bytes, not a stream: a byte-order mark is then the parser's to reject by name.
            byte[] bytes = File.ReadAllBytes(path);
            CheckText(path, bytes);
            return JsonDocument.Parse(bytes);
        }
        catch (JsonException e)
        {
            throw new CheckpointException(path, "is not JSON: " + e.Message, e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CheckpointException(path, "cannot be opened: " + e.Message, e);
        }
    }

    /// <summary>Throws if a text in a JSON file is not Unicode, which is else found when it is asked for, far from here.</summary>
    /// <exception cref="CheckpointException">One is not.</exception>
    public static void CheckText(string path, ReadOnlySpan<byte> json)
    {
        if (!Utf8.IsValid(json))
        {
            throw new CheckpointException(path, "has text that is not UTF-8");
        }

        var reader = new Utf8JsonReader(json, new JsonReaderOptions { MaxDepth = 64 });
        try
        {
            while (reader.Read())
            {
                // Half of a surrogate pair can only come of an escape.
                if (reader.TokenType is JsonTokenType.String or JsonTokenType.PropertyName && reader.ValueIsEscaped)
                {
                    _ = reader.GetString();
                }
            }
        }
        catch (JsonException)
        {
            // Told by whoever parses it.
        }
        catch (InvalidOperationException e)
        {
            throw new CheckpointException(path, "has an escaped text that is not Unicode", e);
        }
    }
}
