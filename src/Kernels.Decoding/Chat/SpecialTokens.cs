using System.Text.Json;

namespace Kernels.Decoding;

/// <summary>The special tokens of a checkpoint's tokenizer by their names in its files, as chat templates see them.</summary>
internal static class SpecialTokens
{
    public const string ConfigFileName = "tokenizer_config.json";
    public const string MapFileName = "special_tokens_map.json";

    private static readonly string[] Names = ["bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"];

    /// <summary>Reads the tokens of a folder; the first file that has one tells it.</summary>
    /// <exception cref="CheckpointException">A file is not well-formed.</exception>
    public static Dictionary<string, object?> Load(string folder)
    {
        var tokens = new Dictionary<string, object?>();
        foreach (string name in (string[])[ConfigFileName, MapFileName])
        {
            string path = Path.Combine(folder, name);
            if (!File.Exists(path))
            {
                continue;
            }

            using JsonDocument document = JsonFile.Open(path);
            if (document.RootElement.ValueKind != JsonValueKind.Object)
            {
                throw new CheckpointException(path, "is not a JSON object");
            }

            foreach (JsonProperty property in document.RootElement.EnumerateObject())
            {
                if (Names.Contains(property.Name) && TextOf(property.Value) is { } text)
                {
                    tokens.TryAdd(property.Name, text);
                }
                else if (property.Name == "additional_special_tokens" && property.Value.ValueKind == JsonValueKind.Array)
                {
                    List<object?> texts = [.. property.Value.EnumerateArray().Select(TextOf).Where(token => token is not null)];
                    tokens.TryAdd(property.Name, new JinjaList(texts));
                }
                else if (property.Name is "extra_special_tokens" && property.Value.ValueKind == JsonValueKind.Object)
                {
                    foreach (JsonProperty extra in property.Value.EnumerateObject())
                    {
                        if (TextOf(extra.Value) is { } content)
                        {
                            tokens.TryAdd(extra.Name, content);
                        }
                    }
                }
            }
        }

        return tokens;
    }

    // A text, or an object with its content.
    private static string? TextOf(JsonElement value) =>
        value.ValueKind == JsonValueKind.Object && value.TryGetProperty("content", out JsonElement content) ? TextOf(content)
        : value.ValueKind == JsonValueKind.String ? value.GetString()
        : null;
}
