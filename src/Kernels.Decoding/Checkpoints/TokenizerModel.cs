using System.Text.Json;
using System.Text.RegularExpressions;

namespace Kernels.Decoding;

/// <summary>What the files of a byte-level BPE tokenizer say.</summary>
/// <param name="Vocabulary">Ids by token, in the characters of <see cref="ByteAlphabet"/>.</param>
/// <param name="Merges">Pairs of tokens with a space between, the first merged first.</param>
/// <param name="AddedTokens">Ids of tokens that are found in a text verbatim, before it is split.</param>
/// <param name="Split">Matches the words that merges must not cross.</param>
/// <param name="IgnoreMerges">Whether a word that is itself a token is taken whole.</param>
internal sealed partial record TokenizerModel(
    Dictionary<string, int> Vocabulary,
    List<string> Merges,
    Dictionary<string, int> AddedTokens,
    Regex Split,
    bool IgnoreMerges)
{
    /// <summary>Ids of added tokens that are no text, such as those that end a turn.</summary>
    public HashSet<int> SpecialTokens { get; init; } = [];

    public const string FileName = "tokenizer.json";
    public const string VocabularyFileName = "vocab.json";
    public const string MergesFileName = "merges.txt";

    /// <summary>Reads <c>tokenizer.json</c>.</summary>
    /// <exception cref="CheckpointException">It is not well-formed, or names a kind of tokenizer other than byte-level BPE.</exception>
    public static TokenizerModel ReadJson(string path)
    {
        using JsonDocument document = JsonFile.Open(path);
        var root = new ConfigReader(path, document.RootElement);
        if (root.Has("normalizer"))
        {
            throw root.Unsupported("normalizer", "none");
        }

        Regex split = ReadPreTokenizer(root, document.RootElement);
        ConfigReader model = root.OptionalObject("model") ?? throw new CheckpointException(path, "has no key 'model'");
        if ((model.OptionalText("type") ?? "BPE") != "BPE")
        {
            throw model.Unsupported("type", "BPE");
        }

        if (model.Flag("byte_fallback", false))
        {
            throw model.Unsupported("byte_fallback", "false");
        }

        foreach (string affix in (ReadOnlySpan<string>)["continuing_subword_prefix", "end_of_word_suffix"])
        {
            if (!string.IsNullOrEmpty(model.OptionalText(affix)))
            {
                throw model.Unsupported(affix, "none");
            }
        }

        JsonElement json = document.RootElement.GetProperty("model");
        return new TokenizerModel(
            ReadIds(path, json.TryGetProperty("vocab", out JsonElement vocabulary) ? vocabulary : default),
            ReadMerges(path, json.TryGetProperty("merges", out JsonElement merges) ? merges : default),
            ReadAddedTokens(path, document.RootElement),
            split,
            model.Flag("ignore_merges", false))
        {
            SpecialTokens = ReadSpecialTokens(path, document.RootElement),
        };
    }

    /// <summary>Reads <c>vocab.json</c> and <c>merges.txt</c>, which are of GPT-2's kind.</summary>
    /// <exception cref="CheckpointException">One of them is not well-formed.</exception>
    public static TokenizerModel ReadVocabulary(string vocabularyPath, string mergesPath)
    {
        using JsonDocument document = JsonFile.Open(vocabularyPath);
        Dictionary<string, int> vocabulary = ReadIds(vocabularyPath, document.RootElement);
        string[] lines;
        try
        {
            lines = File.ReadAllLines(mergesPath);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CheckpointException(mergesPath, "cannot be opened: " + e.Message, e);
        }

        List<string> merges = [.. lines.Where(l => l.Length > 0 && !l.StartsWith("#version", StringComparison.Ordinal))];
        if (merges.Find(m => m.Count(c => c == ' ') != 1) is { } wrong)
        {
            throw new CheckpointException(mergesPath, $"has the line '{wrong}', not two tokens with a space between");
        }

        Dictionary<string, int> named = NamedTokens(vocabularyPath, vocabulary);
        return new TokenizerModel(vocabulary, merges, named, Gpt2Words(), IgnoreMerges: false) { SpecialTokens = [.. named.Values] };
    }

    // The words of GPT-2: a contraction's end; letters, digits or other symbols, each with one space before; white space.
    [GeneratedRegex(@"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+", RegexOptions.CultureInvariant)]
    private static partial Regex Gpt2Words();

    private static Regex ReadPreTokenizer(ConfigReader root, JsonElement json)
    {
        const string Supported = "ByteLevel, or a Sequence of one isolating Split by a Regex and ByteLevel";
        ConfigReader reader = root.OptionalObject("pre_tokenizer")
            ?? throw new CheckpointException(root.Path, $"has no pre_tokenizer; supported: {Supported}");
        JsonElement element = json.GetProperty("pre_tokenizer");
        switch (reader.Text("type"))
        {
            case "ByteLevel":
                CheckByteLevel(reader);
                return reader.Flag("use_regex", true) ? Gpt2Words() : throw reader.Unsupported("use_regex", "true");

            case "Sequence" when element.TryGetProperty("pretokenizers", out JsonElement parts)
                && parts.ValueKind == JsonValueKind.Array && parts.GetArrayLength() == 2:
                var split = new ConfigReader(root.Path, parts[0]);
                var bytes = new ConfigReader(root.Path, parts[1]);
                if (split.Text("type") != "Split" || bytes.Text("type") != "ByteLevel"
                    || split.Text("behavior") != "Isolated" || split.Flag("invert", false)
                    || split.OptionalObject("pattern")?.OptionalText("Regex") is not { } pattern
                    || bytes.Flag("use_regex", true))
                {
                    throw root.Unsupported("pre_tokenizer", Supported);
                }

                CheckByteLevel(bytes);
                try
                {
                    return new Regex(pattern, RegexOptions.CultureInvariant);
                }
                catch (ArgumentException e)
                {
                    throw new CheckpointException(root.Path, $"splits text by a regular expression that is not understood: {e.Message}", e);
                }

            default:
                throw root.Unsupported("pre_tokenizer", Supported);
        }
    }

    private static void CheckByteLevel(ConfigReader byteLevel)
    {
        if (byteLevel.Flag("add_prefix_space", true))
        {
            throw byteLevel.Unsupported("add_prefix_space", "false");
        }
    }

    private static Dictionary<string, int> ReadIds(string path, JsonElement vocabulary)
    {
        if (vocabulary.ValueKind != JsonValueKind.Object)
        {
            throw new CheckpointException(path, "has no object that gives each token its id");
        }

        var result = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (JsonProperty token in vocabulary.EnumerateObject())
        {
            result[token.Name] = ReadId(path, token.Name, token.Value);
        }

        return result;
    }

    private static int ReadId(string path, string token, JsonElement value)
    {
        // The bound keeps a corrupt id from sizing the table of tokens.
        const int MaxId = 1 << 24;
        return value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out int id) && id is >= 0 and < MaxId
            ? id
            : throw new CheckpointException(path, $"token '{token}' has the id {(value.ValueKind == JsonValueKind.Undefined ? "missing" : value.GetRawText())}, not an integer from 0 to {MaxId - 1}");
    }

    private static List<string> ReadMerges(string path, JsonElement merges)
    {
        if (merges.ValueKind != JsonValueKind.Array)
        {
            throw new CheckpointException(path, "has no list 'model.merges'");
        }

        var result = new List<string>(merges.GetArrayLength());
        foreach (JsonElement merge in merges.EnumerateArray())
        {
            // A pair is a list of two in newer files, and one string with a space between in older ones.
            string? pair = merge.ValueKind switch
            {
                JsonValueKind.String => merge.GetString(),
                JsonValueKind.Array when merge.GetArrayLength() == 2
                    && merge[0].ValueKind == JsonValueKind.String && merge[1].ValueKind == JsonValueKind.String
                    => $"{merge[0].GetString()} {merge[1].GetString()}",
                _ => null,
            };
            if (pair is null || pair.Count(c => c == ' ') != 1)
            {
                throw new CheckpointException(path, $"has the merge {merge.GetRawText()}, not a pair of tokens");
            }

            result.Add(pair);
        }

        return result;
    }

    private static Dictionary<string, int> ReadAddedTokens(string path, JsonElement root)
    {
        var result = new Dictionary<string, int>(StringComparer.Ordinal);
        if (!root.TryGetProperty("added_tokens", out JsonElement tokens) || tokens.ValueKind != JsonValueKind.Array)
        {
            return result;
        }

        foreach (JsonElement element in tokens.EnumerateArray())
        {
            var token = new ConfigReader(path, element);
            string content = token.Text("content");
            foreach (string option in (ReadOnlySpan<string>)["single_word", "lstrip", "rstrip"])
            {
                if (token.Flag(option, false))
                {
                    throw new CheckpointException(path, $"added token '{content}' has '{option}' set, which is not supported");
                }
            }

            result[content] = ReadId(path, content, element.TryGetProperty("id", out JsonElement id) ? id : default);
        }

        return result;
    }

    private static HashSet<int> ReadSpecialTokens(string path, JsonElement root) =>
        root.TryGetProperty("added_tokens", out JsonElement tokens) && tokens.ValueKind == JsonValueKind.Array
            ? [.. tokens.EnumerateArray().Where(token => new ConfigReader(path, token).Flag("special", false)).Select(token => ReadId(path, "", token.GetProperty("id")))]
            : [];

    /// <summary>The special tokens that <c>tokenizer_config.json</c> names and the vocabulary has.</summary>
    private static Dictionary<string, int> NamedTokens(string vocabularyPath, Dictionary<string, int> vocabulary)
    {
        var result = new Dictionary<string, int>(StringComparer.Ordinal);
        string path = Path.Combine(Path.GetDirectoryName(vocabularyPath)!, "tokenizer_config.json");
        if (!File.Exists(path))
        {
            return result;
        }

        using JsonDocument document = JsonFile.Open(path);
        foreach (string key in (ReadOnlySpan<string>)["bos_token", "eos_token", "unk_token", "pad_token"])
        {
            // A name alone, or an object that has it as its content.
            if (document.RootElement.ValueKind == JsonValueKind.Object
                && document.RootElement.TryGetProperty(key, out JsonElement token)
                && (token.ValueKind == JsonValueKind.Object && token.TryGetProperty("content", out JsonElement content) ? content : token) is { ValueKind: JsonValueKind.String } name
                && vocabulary.TryGetValue(name.GetString()!, out int id))
            {
                result[name.GetString()!] = id;
            }
        }

        return result;
    }
}
