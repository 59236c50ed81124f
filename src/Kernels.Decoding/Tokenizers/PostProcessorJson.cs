using System.Text.Json;

namespace Kernels.Decoding;

/// <summary>Reads which ids the <c>post_processor</c> of a tokenizer file puts around a text.</summary>
internal static class PostProcessorJson
{
    public static (int[] Before, int[] After) Read(string path, JsonElement element)
    {
        if (element.ValueKind == JsonValueKind.Null)
        {
            return ([], []);
        }

        var reader = new ConfigReader(path, element);
        switch (reader.Text("type"))
        {
            case "ByteLevel":
                return ([], []);
            case "BertProcessing" or "RobertaProcessing":
                return ([Named(path, element, "cls")], [Named(path, element, "sep")]);
            case "TemplateProcessing":
                return ReadTemplate(path, element);
            case "Sequence" when element.TryGetProperty("processors", out JsonElement parts) && parts.ValueKind == JsonValueKind.Array:
                (int[] before, int[] after) = ([], []);
                foreach (JsonElement part in parts.EnumerateArray())
                {
                    (int[] outerBefore, int[] outerAfter) = Read(path, part);
                    (before, after) = ([.. outerBefore, .. before], [.. after, .. outerAfter]);
                }

                return (before, after);
            default:
                throw reader.Unsupported("type", "TemplateProcessing, ByteLevel, BertProcessing, RobertaProcessing and Sequence");
        }
    }

    /// <summary>A token and its id.</summary>
    private static int Named(string path, JsonElement element, string key) =>
        element.TryGetProperty(key, out JsonElement pair) && pair.ValueKind == JsonValueKind.Array && pair.GetArrayLength() == 2
            ? TokenizerJson.ReadId(path, pair[0].ToString(), pair[1])
            : throw new CheckpointException(path, $"its post_processor has no pair '{key}' of a token and its id");

    private static (int[] Before, int[] After) ReadTemplate(string path, JsonElement element)
    {
        if (!element.TryGetProperty("single", out JsonElement single) || single.ValueKind != JsonValueKind.Array)
        {
            throw new CheckpointException(path, "its post_processor has no list 'single'");
        }

        var before = new List<int>();
        var after = new List<int>();
        int texts = 0;
        foreach (JsonElement piece in single.EnumerateArray())
        {
            if (piece.ValueKind == JsonValueKind.Object && piece.TryGetProperty("SpecialToken", out JsonElement token))
            {
                (texts == 0 ? before : after).AddRange(IdsOf(path, element, new ConfigReader(path, token).Text("id")));
            }
            else if (piece.ValueKind == JsonValueKind.Object && piece.TryGetProperty("Sequence", out _))
            {
                texts++;
            }
            else
            {
                throw new CheckpointException(
                    path, $"its post_processor has the piece {piece.GetRawText()}, not a SpecialToken or a Sequence");
            }
        }

        return texts == 1 ? ([.. before], [.. after]) : throw new CheckpointException(
            path, $"its post_processor has the text {texts} times in 'single', not once");
    }

    private static IEnumerable<int> IdsOf(string path, JsonElement element, string name)
    {
        if (!element.TryGetProperty("special_tokens", out JsonElement tokens) || tokens.ValueKind != JsonValueKind.Object
            || !tokens.TryGetProperty(name, out JsonElement token) || token.ValueKind != JsonValueKind.Object
            || !token.TryGetProperty("ids", out JsonElement ids) || ids.ValueKind != JsonValueKind.Array)
        {
            throw new CheckpointException(path, $"its post_processor names the token '{name}' and has no 'ids' for it");
        }

        return ids.EnumerateArray().Select(id => TokenizerJson.ReadId(path, name, id));
    }
}
