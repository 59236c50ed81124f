using System.Collections.Immutable;
using System.Text.Json;

namespace Kernels.Decoding;

/// <summary>Reads <c>tokenizer.json</c>.</summary>
internal static class TokenizerJson
{
    public const string FileName = "tokenizer.json";

    /// <summary>The bound of ids, which keeps a corrupt one from sizing the table of tokens.</summary>
    public const int MaxId = 1 << 22;

    private const int MaxTokenLength = 4096;

    /// <exception cref="CheckpointException">The file is not well-formed, or names something that there is no code for.</exception>
    public static TokenizerParts Read(string path, TokenizerSettings settings)
    {
        using JsonDocument document = JsonFile.Open(path);
        JsonElement root = document.RootElement;
        var reader = new ConfigReader(path, root);
        ConfigReader modelReader = reader.OptionalObject("model") ?? throw new CheckpointException(path, "has no key 'model'");
        TokenModel model = ReadModel(path, modelReader, root.GetProperty("model"));
        ImmutableArray<AddedToken> added = ReadAddedTokens(path, root, model, settings);
        (int[] before, int[] after) = root.TryGetProperty("post_processor", out JsonElement processor)
            ? PostProcessorJson.Read(path, processor)
            : ([], []);
        return Complete(
            new TokenizerParts(path, model)
            {
                Normalizer = root.TryGetProperty("normalizer", out JsonElement normalizer) ? NormalizerJson.Read(path, normalizer) : null,
                PreTokenizer = root.TryGetProperty("pre_tokenizer", out JsonElement preTokenizer)
                    ? PreTokenizerJson.Read(path, preTokenizer) : null,
                Decoders = PieceDecoderJson.Read(path, root.TryGetProperty("decoder", out JsonElement decoder) ? decoder : default),
                AddedTokens = added,
                Before = [.. before],
                After = [.. after],
            },
            settings);
    }

    /// <summary>Adds what the settings say of the tokens that begin and end texts.</summary>
    public static TokenizerParts Complete(TokenizerParts parts, TokenizerSettings settings)
    {
        int? begin = settings.BeginToken is { } beginToken ? parts.IdOf(beginToken) : null;
        int? end = settings.EndToken is { } endToken ? parts.IdOf(endToken) : null;

        // These classes add a begin token unless they are told not to, and write that over what the file says.
        bool? addsBegin = settings.AddsBegin
            ?? (settings.Class is "LlamaTokenizer" or "LlamaTokenizerFast" or "CodeLlamaTokenizer" or "CodeLlamaTokenizerFast"
                or "GemmaTokenizer" or "GemmaTokenizerFast" ? true : null);
        ImmutableArray<int> before = parts.Before;
        ImmutableArray<int> after = parts.After;
        if (begin is { } first && addsBegin is { } adds && adds != before.Contains(first))
        {
            before = adds ? before.Insert(0, first) : before.RemoveAll(id => id == first);
        }

        if (end is { } last && settings.AddsEnd is { } addsEnd && addsEnd != after.Contains(last))
        {
            after = addsEnd ? after.Add(last) : after.RemoveAll(id => id == last);
        }

        return parts with { BeginId = begin, EndId = end, Before = before, After = after };
    }

    public static int ReadId(string path, string token, JsonElement value) =>
        value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out int id) && id is >= 0 and < MaxId
            ? id
            : throw new CheckpointException(
                path,
                $"token '{token}' has the id {(value.ValueKind == JsonValueKind.Undefined ? "missing" : value.GetRawText())}, not an "
                    + $"integer from 0 to {MaxId - 1}");

    public static AddedToken ReadAddedToken(ConfigReader token, int id)
    {
        string content = token.Text("content");
        if (content.Length > MaxTokenLength)
        {
            throw new CheckpointException(
                token.Path, $"has an added token of {content.Length} characters; up to {MaxTokenLength} are supported");
        }

        bool special = token.Flag("special", false);
        return new AddedToken(content, id)
        {
            IsSpecial = special,
            IsNormalized = token.Flag("normalized", !special),
            IsSingleWord = token.Flag("single_word", false),
            StripsLeft = token.Flag("lstrip", false),
            StripsRight = token.Flag("rstrip", false),
        };
    }

    public static Dictionary<string, int> ReadVocabulary(string path, JsonElement vocabulary)
    {
        if (vocabulary.ValueKind != JsonValueKind.Object)
        {
            throw new CheckpointException(path, "has no object that gives each token its id");
        }

        var result = new Dictionary<string, int>(vocabulary.GetPropertyCount(), StringComparer.Ordinal);
        foreach (JsonProperty token in vocabulary.EnumerateObject())
        {
            result[token.Name] = ReadId(path, token.Name, token.Value);
        }

        return result;
    }

    /// <summary>The table of merges of pairs of tokens, the first of which rank first.</summary>
    public static Dictionary<ulong, BpeModel.Merge> BuildMerges(
        string path, Dictionary<string, int> vocabulary, IEnumerable<(string Left, string Right)> pairs, int count, string? prefix = null)
    {
        Dictionary<ulong, BpeModel.Merge> merges = BpeModel.NewMerges(count);
        Dictionary<string, int>.AlternateLookup<ReadOnlySpan<char>> lookup = vocabulary.GetAlternateLookup<ReadOnlySpan<char>>();
        Span<char> buffer = stackalloc char[256];
        int rank = 0;
        foreach ((string left, string right) in pairs)
        {
            // The prefix of what does not begin a word goes when that is merged.
            string tail = prefix is { Length: > 0 } && right.StartsWith(prefix, StringComparison.Ordinal) ? right[prefix.Length..] : right;
            int length = left.Length + tail.Length;
            Span<char> whole = length <= buffer.Length ? buffer[..length] : new char[length];
            left.CopyTo(whole);
            tail.CopyTo(whole[left.Length..]);
            if (!vocabulary.TryGetValue(left, out int a) || !vocabulary.TryGetValue(right, out int b)
                || !lookup.TryGetValue(whole, out int id))
            {
                throw new CheckpointException(
                    path,
                    $"has a vocabulary and merges that do not fit: the merge '{left} {right}' has a part, or a result, that is no token");
            }

            merges[BpeModel.Pair(a, b)] = new BpeModel.Merge(rank++, id);
        }

        return merges;
    }

    private static TokenModel ReadModel(string path, ConfigReader reader, JsonElement model)
    {
        JsonElement vocabulary = model.TryGetProperty("vocab", out JsonElement value) ? value : default;

        // Old files do not name the type.
        string type = reader.OptionalText("type")
            ?? (reader.Has("merges") ? "BPE" : vocabulary.ValueKind == JsonValueKind.Array ? "Unigram"
            : reader.Has("max_input_chars_per_word") ? "WordPiece" : "WordLevel");
        switch (type)
        {
            case "BPE":
                return ReadBpe(path, reader, model, ReadVocabulary(path, vocabulary));
            case "Unigram":
                return ReadUnigram(path, reader, vocabulary);
            case "WordPiece":
                return new WordPieceModel(
                    ReadVocabulary(path, vocabulary), reader.OptionalText("unk_token") ?? "[UNK]",
                    reader.OptionalText("continuing_subword_prefix") ?? "##", reader.OptionalInteger("max_input_chars_per_word", 0) ?? 100);
            case "WordLevel":
                return new WordLevelModel(ReadVocabulary(path, vocabulary), reader.OptionalText("unk_token") ?? "<unk>");
            default:
                throw reader.Unsupported("type", "BPE, Unigram, WordPiece and WordLevel");
        }
    }

    private static BpeModel ReadBpe(string path, ConfigReader reader, JsonElement model, Dictionary<string, int> vocabulary)
    {
        string? prefix = reader.OptionalText("continuing_subword_prefix");
        string? suffix = reader.OptionalText("end_of_word_suffix");
        if (reader.OptionalPositive("dropout") is not null)
        {
            throw reader.Unsupported("dropout", "none: ids would be random");
        }

        if (!model.TryGetProperty("merges", out JsonElement merges) || merges.ValueKind != JsonValueKind.Array)
        {
            throw new CheckpointException(path, "has no list 'model.merges'");
        }

        var options = new BpeModel.Options(
            reader.OptionalText("unk_token"), reader.Flag("fuse_unk", false), reader.Flag("byte_fallback", false),
            reader.Flag("ignore_merges", false),
            string.IsNullOrEmpty(prefix) ? null : prefix, string.IsNullOrEmpty(suffix) ? null : suffix);
        return new BpeModel(
            vocabulary,
            BuildMerges(
                path, vocabulary, merges.EnumerateArray().Select(merge => ReadMerge(path, merge)), merges.GetArrayLength(),
                options.Prefix), options);
    }

    private static (string Left, string Right) ReadMerge(string path, JsonElement merge)
    {
        // A pair is a list of two in newer files, and one string with a space between in older ones.
        if (merge.ValueKind == JsonValueKind.Array && merge.GetArrayLength() == 2
            && merge[0].ValueKind == JsonValueKind.String && merge[1].ValueKind == JsonValueKind.String)
        {
            return (merge[0].GetString()!, merge[1].GetString()!);
        }

        if (merge.ValueKind == JsonValueKind.String && merge.GetString() is { } text && text.Count(c => c == ' ') == 1)
        {
            int space = text.IndexOf(' ', StringComparison.Ordinal);
            return (text[..space], text[(space + 1)..]);
        }

        throw new CheckpointException(path, $"has the merge {merge.GetRawText()}, not a pair of tokens");
    }

    private static UnigramModel ReadUnigram(string path, ConfigReader reader, JsonElement vocabulary)
    {
        if (vocabulary.ValueKind != JsonValueKind.Array || vocabulary.GetArrayLength() >= MaxId)
        {
            throw new CheckpointException(path, "has no list of tokens with their scores");
        }

        var ids = new Dictionary<string, int>(StringComparer.Ordinal);
        var scores = new List<double>();
        foreach (JsonElement entry in vocabulary.EnumerateArray())
        {
            if (entry.ValueKind != JsonValueKind.Array || entry.GetArrayLength() != 2 || entry[0].ValueKind != JsonValueKind.String
                || entry[1].ValueKind != JsonValueKind.Number || !entry[1].TryGetDouble(out double score) || !double.IsFinite(score))
            {
                throw new CheckpointException(path, $"has the entry {entry.GetRawText()} in its vocabulary, not a token and its score");
            }

            string token = entry[0].GetString()!;
            ids[token.Length <= MaxTokenLength
                ? token
                : throw new CheckpointException(path, $"has a token of {token.Length} characters; up to {MaxTokenLength} are supported")] =
                    scores.Count;
            scores.Add(score);
        }

        int unknown = reader.OptionalInteger("unk_id", 0) ?? -1;
        return unknown < scores.Count
            ? new UnigramModel(ids, [.. scores], unknown, reader.Flag("byte_fallback", false))
            : throw new CheckpointException(path, $"'model.unk_id' is {unknown}, and there are {scores.Count} tokens");
    }

    private static ImmutableArray<AddedToken> ReadAddedTokens(string path, JsonElement root, TokenModel model, TokenizerSettings settings)
    {
        var result = new List<AddedToken>();
        var contents = new HashSet<string>(StringComparer.Ordinal);
        if (root.TryGetProperty("added_tokens", out JsonElement tokens) && tokens.ValueKind == JsonValueKind.Array)
        {
            foreach (JsonElement element in tokens.EnumerateArray())
            {
                var reader = new ConfigReader(path, element);
                string content = reader.Text("content");
                Add(ReadAddedToken(reader, ReadId(path, content, element.TryGetProperty("id", out JsonElement id) ? id : default)));
            }
        }

        // What the settings list beside is added, as the library that reads both does.
        foreach (AddedToken token in settings.AddedTokens)
        {
            Add(token);
        }

        return [.. result];

        void Add(AddedToken token)
        {
            if (token.Content.Length > 0 && contents.Add(token.Content))
            {
                // A token that the vocabulary has keeps its id there.
                result.Add(model.Vocabulary.TryGetValue(token.Content, out int known) ? token with { Id = known } : token);
            }
        }
    }
}
