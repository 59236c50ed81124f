using System.Text.Json;

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
            return JsonDocument.Parse(File.ReadAllBytes(path));
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
}
