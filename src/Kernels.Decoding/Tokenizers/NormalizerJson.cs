using System.Text;
using System.Text.Json;

namespace Kernels.Decoding;

/// <summary>Reads the <c>normalizer</c> of a tokenizer file.</summary>
internal static class NormalizerJson
{
    // Longer ones would let a file make a text many times as long.
    private const int MaxContent = 64;

    public static TextNormalizer? Read(string path, JsonElement element)
    {
        if (element.ValueKind == JsonValueKind.Null)
        {
            return null;
        }

        var reader = new ConfigReader(path, element);
        switch (reader.Text("type"))
        {
            case "Sequence" when element.TryGetProperty("normalizers", out JsonElement parts) && parts.ValueKind == JsonValueKind.Array:
                return new TextNormalizer.Sequence([.. parts.EnumerateArray().Select(part => Read(path, part)).OfType<TextNormalizer>()]);
            case "NFC":
                return new TextNormalizer.Form(NormalizationForm.FormC);
            case "NFD":
                return new TextNormalizer.Form(NormalizationForm.FormD);
            case "NFKC":
                return new TextNormalizer.Form(NormalizationForm.FormKC);
            case "NFKD":
                return new TextNormalizer.Form(NormalizationForm.FormKD);
            case "Lowercase":
                return new TextNormalizer.Lowercase();
            case "Strip":
                return new TextNormalizer.Strip(reader.Flag("strip_left", true), reader.Flag("strip_right", true));
            case "StripAccents":
                return new TextNormalizer.Remove(CodePointSet.Marks);
            case "Prepend":
                return new TextNormalizer.Prepend(Short(path, reader.Text("prepend")));
            case "Replace":
                (string text, TextPattern? pattern) = PreTokenizerJson.ReadPattern(path, element);
                string content = Short(path, reader.Text("content"));
                return pattern is null ? new TextNormalizer.ReplaceText(text, content) : new TextNormalizer.ReplacePattern(
                    pattern, content);
            case "ByteLevel":
                return new TextNormalizer.Bytes();
            case "Nmt":
                return new TextNormalizer.Nmt();
            case "Precompiled":
                return new PrecompiledNormalizer(Convert.FromBase64String(reader.Text("precompiled_charsmap")));
            case "BertNormalizer":
                bool lowercase = reader.Flag("lowercase", true);
                return new TextNormalizer.Bert(
                    reader.Flag("clean_text", true), reader.Flag("handle_chinese_chars", true), reader.Flag("strip_accents", lowercase),
                    lowercase);
            default:
                throw reader.Unsupported(
                    "type",
                    "normalizers NFC, NFD, NFKC, NFKD, Lowercase, Strip, StripAccents, Prepend, Replace, ByteLevel, Nmt, Precompiled, "
                        + "BertNormalizer and Sequence");
        }
    }

    private static string Short(string path, string content) => content.Length <= MaxContent
        ? content
        : throw new CheckpointException(
            path, $"its normalizer writes a text of {content.Length} characters; up to {MaxContent} are supported");
}
