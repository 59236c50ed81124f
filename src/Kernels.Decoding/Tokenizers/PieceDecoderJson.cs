using System.Collections.Immutable;
using System.Text.Json;

namespace Kernels.Decoding;

/// <summary>Reads the <c>decoder</c> of a tokenizer file.</summary>
internal static class PieceDecoderJson
{
    private const int MaxContent = 64;

    public static ImmutableArray<PieceDecoder> Read(string path, JsonElement element)
    {
        if (element.ValueKind is JsonValueKind.Null or JsonValueKind.Undefined)
        {
            return [new PieceDecoder.Spaced()];
        }

        ImmutableArray<PieceDecoder>.Builder steps = ImmutableArray.CreateBuilder<PieceDecoder>();
        Add(path, element, steps);
        return steps.ToImmutable();
    }

    private static void Add(string path, JsonElement element, ImmutableArray<PieceDecoder>.Builder steps)
    {
        bool fused = steps.Any(step => step.Fuses);
        var reader = new ConfigReader(path, element);
        switch (reader.Text("type"))
        {
            case "Sequence" when element.TryGetProperty("decoders", out JsonElement parts) && parts.ValueKind == JsonValueKind.Array:
                foreach (JsonElement part in parts.EnumerateArray())
                {
                    Add(path, part, steps);
                }

                break;
            case "ByteLevel":
                steps.Add(fused ? throw Order(path) : new PieceDecoder.ByteLevel());
                break;
            case "ByteFallback":
                steps.Add(fused ? throw Order(path) : new PieceDecoder.ByteFallback());
                break;
            case "Fuse":
                steps.Add(new PieceDecoder.Fuse());
                break;
            case "Replace":
                (string text, TextPattern? pattern) = PreTokenizerJson.ReadPattern(path, element);
                string content = reader.Text("content");
                if (content.Length > MaxContent)
                {
                    throw new CheckpointException(
                        path, $"its decoder writes a text of {content.Length} characters; up to {MaxContent} are supported");
                }

                TextNormalizer replace = pattern is null
                    ? new TextNormalizer.ReplaceText(text, content) : new TextNormalizer.ReplacePattern(pattern, content);

                // In one text, what is looked for may lie across pieces unless it is one character.
                steps.Add(
                    fused && (pattern is not null || text.Length > 1)
                        ? new PieceDecoder.RewriteWhole(replace.Apply) : new PieceDecoder.Rewrite(replace.Apply));
                break;
            case "Strip":
                string strip = reader.OptionalText("content") ?? " ";
                char character = strip.Length == 1 ? strip[0] : throw reader.Unsupported("content", "one character");
                int start = Math.Min(reader.OptionalInteger("start", 0) ?? 0, MaxContent);
                int stop = Math.Min(reader.OptionalInteger("stop", 0) ?? 0, MaxContent);
                steps.Add(
                    fused ? new PieceDecoder.StripWhole(character, start, stop) : new PieceDecoder.Rewrite(
                        piece => Strip(piece, character, start, stop)));
                break;
            case "Metaspace":
                (string replacement, string scheme, _) = PreTokenizerJson.ReadMetaspace(reader);
                bool drops = scheme != "never";
                steps.Add(fused
                    ? new PieceDecoder.Rewrite(piece => piece.Replace(replacement, drops ? "" : " ", StringComparison.Ordinal))
                    : new PieceDecoder.Metaspace(replacement[0], drops));
                break;
            case "WordPiece":
                steps.Add(
                    fused
                        ? throw Order(path)
                        : new PieceDecoder.WordPiece(reader.OptionalText("prefix") ?? "##", reader.Flag("cleanup", true)));
                break;
            case "BPEDecoder":
                string suffix = reader.OptionalText("suffix") ?? "</w>";
                steps.Add(fused || suffix.Length == 0 ? throw Order(path) : new PieceDecoder.WordSuffix(suffix));
                break;
            default:
                throw reader.Unsupported(
                    "type", "decoders ByteLevel, ByteFallback, Fuse, Replace, Strip, Metaspace, WordPiece, BPEDecoder and Sequence");
        }
    }

    private static string Strip(string piece, char character, int start, int stop)
    {
        int begin = 0;
        while (begin < start && begin < piece.Length && piece[begin] == character)
        {
            begin++;
        }

        int end = piece.Length;
        while (end > begin && piece.Length - end < stop && piece[end - 1] == character)
        {
            end--;
        }

        return piece[begin..end];
    }

    private static CheckpointException Order(string path) =>
        new(path, "its decoder reads tokens after they were made one text, or has an empty suffix");
}
