using System.Text.Json;

namespace Kernels.Decoding;

/// <summary>Reads the <c>pre_tokenizer</c> of a tokenizer file.</summary>
internal static class PreTokenizerJson
{
    private static readonly CodePointSet AsciiPunctuation = new(
        static point => point < 128 && (char.IsPunctuation((char)point) || char.IsSymbol((char)point)));
    private static readonly CodePointSet Punctuation = CodePointSet.Punctuation.Union(AsciiPunctuation);

    public static PreTokenizer? Read(string path, JsonElement element)
    {
        if (element.ValueKind == JsonValueKind.Null)
        {
            return null;
        }

        var reader = new ConfigReader(path, element);
        switch (reader.Text("type"))
        {
            case "Sequence" when element.TryGetProperty("pretokenizers", out JsonElement parts) && parts.ValueKind == JsonValueKind.Array:
                return new PreTokenizer.Sequence([.. parts.EnumerateArray().Select(part => Read(path, part)).OfType<PreTokenizer>()]);
            case "ByteLevel":
                return new PreTokenizer.Bytes(
                    reader.Flag("add_prefix_space", true), reader.Flag("use_regex", true) ? PublishedPatterns.Gpt2 : null);
            case "Split":
                (string text, TextPattern? pattern) = ReadPattern(path, element);
                SplitBehavior behavior = ReadBehavior(reader, null);
                bool invert = reader.Flag("invert", false);
                return pattern is null ? new PreTokenizer.ByText(text, behavior, invert) : new PreTokenizer.ByPattern(
                    pattern, behavior, invert);
            case "Digits":
                return new PreTokenizer.BySet(
                    CodePointSet.Numbers, reader.Flag("individual_digits", false) ? SplitBehavior.Isolated : SplitBehavior.Contiguous);
            case "Punctuation":
                return new PreTokenizer.BySet(Punctuation, ReadBehavior(reader, SplitBehavior.Isolated));
            case "Whitespace":
                return new PreTokenizer.ByPattern(
                    new TextPattern(@"[\w\u200C\u200D]+|[^\w\u200C\u200D\s]+"), SplitBehavior.Removed, invert: true);
            case "WhitespaceSplit":
                return new PreTokenizer.BySet(CodePointSet.WhiteSpace, SplitBehavior.Removed);
            case "BertPreTokenizer":
                return new PreTokenizer.Sequence(
                    [new PreTokenizer.BySet(CodePointSet.WhiteSpace, SplitBehavior.Removed),
                        new PreTokenizer.BySet(Punctuation, SplitBehavior.Isolated)]);
            case "CharDelimiterSplit":
                return new PreTokenizer.ByText(NotEmpty(path, reader.Text("delimiter")), SplitBehavior.Removed, invert: false);
            case "FixedLength":
                return new PreTokenizer.ByLength(reader.OptionalCount("length") ?? 5);
            case "Metaspace":
                (string replacement, string scheme, bool split) = ReadMetaspace(reader);
                return new PreTokenizer.Metaspace(replacement, scheme != "never", scheme == "first", split);
            default:
                throw reader.Unsupported(
                    "type",
                    "pre-tokenizers ByteLevel, Split, Digits, Punctuation, Whitespace, WhitespaceSplit, BertPreTokenizer, "
                        + "CharDelimiterSplit, FixedLength, Metaspace and Sequence");
        }
    }

    /// <summary>A 'pattern': a text to look for, or a regular expression.</summary>
    public static (string Text, TextPattern? Pattern) ReadPattern(string path, JsonElement element)
    {
        ConfigReader pattern = new ConfigReader(path, element).Object("pattern");
        return pattern.OptionalText("Regex") is { } expression
            ? ("", new TextPattern(expression))
            : (NotEmpty(path, pattern.Text("String")), null);
    }

    /// <summary>The visible space, when one is put before a text, and whether words are split at it.</summary>
    public static (string Replacement, string Scheme, bool Split) ReadMetaspace(ConfigReader reader)
    {
        string replacement = reader.OptionalText("replacement") ?? "\u2581";
        string scheme = reader.OptionalText("prepend_scheme") ?? (reader.Flag("add_prefix_space", true) ? "always" : "never");
        return replacement.Length == 1 && scheme is "always" or "first" or "never"
            ? (replacement, scheme, reader.Flag("split", true))
            : throw reader.Unsupported(
                replacement.Length == 1 ? "prepend_scheme" : "replacement", "always, first or never, and one character");
    }

    private static SplitBehavior ReadBehavior(ConfigReader reader, SplitBehavior? otherwise) => reader.OptionalText("behavior") switch
    {
        "Removed" => SplitBehavior.Removed,
        "Isolated" => SplitBehavior.Isolated,
        "MergedWithPrevious" => SplitBehavior.MergedWithPrevious,
        "MergedWithNext" => SplitBehavior.MergedWithNext,
        "Contiguous" => SplitBehavior.Contiguous,
        null when otherwise is { } value => value,
        _ => throw reader.Unsupported("behavior", "Removed, Isolated, MergedWithPrevious, MergedWithNext and Contiguous"),
    };

    private static string NotEmpty(string path, string text) =>
        text.Length > 0 ? text : throw new CheckpointException(path, "looks for an empty text to split or replace");
}
