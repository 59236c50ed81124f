using System.Collections.Immutable;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;

namespace Kernels.Decoding;

/// <summary>
/// The tokenizer of a checkpoint folder, from <c>tokenizer.json</c>, from <c>vocab.json</c> with <c>merges.txt</c>, or from
/// SentencePiece's <c>tokenizer.model</c>. Token ids are those of Hugging Face's tokenizers. Takes time in proportion to the length
/// of a text, to the logarithm for words without an end. Thread-safe.
/// </summary>
public sealed class TextTokenizer
{
    private readonly TokenizerParts parts;
    private readonly AddedTokenMatcher verbatim;
    private readonly AddedTokenMatcher normalized;
    private readonly string?[] tokens;
    private readonly bool[] isSpecial;
    private readonly Lazy<ReadOnlyMemory<byte>[]> bytes;

    private TextTokenizer(TokenizerParts parts)
    {
        this.parts = parts;
        verbatim = new AddedTokenMatcher(parts.AddedTokens.Where(token => !token.IsNormalized).Select(token => (token.Content, token)));
        normalized = new AddedTokenMatcher(parts.AddedTokens.Where(token => token.IsNormalized)
            .Select(token => (parts.Normalizer?.Apply(token.Content) ?? token.Content, token)).Where(token => token.Item1.Length > 0));
        int count = parts.AddedTokens.Select(token => token.Id).Concat(parts.Model.Vocabulary.Values).DefaultIfEmpty(-1).Max() + 1;
        tokens = new string?[count];
        isSpecial = new bool[count];
        foreach ((string token, int id) in parts.Model.Vocabulary)
        {
            tokens[id] = token;
        }

        foreach (AddedToken token in parts.AddedTokens)
        {
            tokens[token.Id] = token.Content;
            isSpecial[token.Id] = token.IsSpecial;
        }

        HashSet<int> added = [.. parts.AddedTokens.Select(token => token.Id)];
        BaseCount = parts.Model.Vocabulary.Values.Where(id => !added.Contains(id)).DefaultIfEmpty(-1).Max() + 1;
        SpecialIds = [.. Enumerable.Range(0, count).Where(id => isSpecial[id])];
        bytes = new Lazy<ReadOnlyMemory<byte>[]>(
            () => [.. tokens.Select(token => token is null ? default : (ReadOnlyMemory<byte>)BytesOf(token))]);
    }

    /// <summary>One more than the greatest token id, added tokens included.</summary>
    public int Count => tokens.Length;

    /// <summary>One more than the greatest id of a token that was not added to the vocabulary.</summary>
    public int BaseCount { get; }

    /// <summary>The ids of special tokens, which control the model and are no text, in order.</summary>
    public ImmutableArray<int> SpecialIds { get; }

    /// <summary>The token that begins texts, as the tokenizer names it, whether or not it is put before prompts; null for none.</summary>
    public int? BeginId => parts.BeginId;

    /// <summary>The token that ends texts, as the tokenizer names it; null for none.</summary>
    public int? EndId => parts.EndId;

    /// <summary>The ids that the tokenizer puts before every prompt, such as that of a begin token; often none.</summary>
    public ImmutableArray<int> PromptPrefix => parts.Before;

    /// <summary>The ids that the tokenizer puts after every prompt; mostly none.</summary>
    public ImmutableArray<int> PromptSuffix => parts.After;

    /// <summary>Opens the tokenizer of a checkpoint folder.</summary>
    /// <param name="folder">The folder.</param>
    /// <exception cref="CheckpointException">
    /// There is no tokenizer, it is not well-formed, its kind is not supported, or its vocabulary is greater than the
    /// <c>vocab_size</c> of a <c>config.json</c> beside it.
    /// </exception>
    public static TextTokenizer Load(string folder)
    {
        ArgumentNullException.ThrowIfNull(folder);
        folder = CheckpointFolder.Resolve(folder);
        if (CheckpointFolder.IsGguf(folder))
        {
            return GgufTokenizer.Load(folder);
        }

        TokenizerSettings settings = Guard(folder, () => TokenizerSettings.Load(folder));
        TextTokenizer tokenizer = Open(folder, settings);
        if (ModelVocabulary(folder) is { } size && tokenizer.BaseCount > size)
        {
            throw new CheckpointException(
                tokenizer.parts.Path,
                $"has a vocabulary of {tokenizer.BaseCount} tokens, and the model of {size} ('vocab_size' of config.json): they do not "
                    + "belong together");
        }

        return tokenizer;
    }

    /// <summary>Makes a tokenizer from its parts, such as a model file has them that is a folder in one.</summary>
    /// <param name="vocabulary">The parts.</param>
    /// <exception cref="CheckpointException">The parts do not fit together.</exception>
    internal static TextTokenizer FromVocabulary(TokenizerVocabulary vocabulary)
    {
        ArgumentNullException.ThrowIfNull(vocabulary);
        foreach (AddedToken token in vocabulary.AddedTokens)
        {
            if ((uint)token.Id >= TokenizerJson.MaxId)
            {
                throw new CheckpointException(
                    vocabulary.Source, $"token '{token.Content}' has the id {token.Id}, not from 0 to {TokenizerJson.MaxId - 1}");
            }
        }

        return Guard(vocabulary.Source, () => new TextTokenizer(VocabularyTokenizer.Build(vocabulary)));
    }

    /// <summary>
    /// The token ids of a text, with none added. Texts of added and special tokens in it become those tokens, which chat templates
    /// rely on. Half of a surrogate pair counts as U+FFFD.
    /// </summary>
    /// <param name="text">The text, of any length.</param>
    /// <exception cref="CheckpointException">
    /// The tokenizer has no token for a part of it, or a regular expression that would take too long.
    /// </exception>
    public int[] Encode(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var ids = new List<int>(text.Length / 3 + 8);
        try
        {
            Append(Whole(text), ids);
        }
        catch (InvalidDataException e)
        {
            throw new CheckpointException(parts.Path, e.Message, e);
        }

        return [.. ids];
    }

    /// <summary>The token ids of a text, with those that the tokenizer puts around it, or without.</summary>
    /// <param name="text">The text.</param>
    /// <param name="addSpecialTokens">Whether to add <see cref="PromptPrefix"/> and <see cref="PromptSuffix"/>.</param>
    /// <inheritdoc cref="Encode(string)" path="/exception"/>
    public int[] Encode(string text, bool addSpecialTokens) => addSpecialTokens ? [.. EncodePrompt(text)] : Encode(text);

    /// <summary>The tokens of a prompt: those of the text, between those that the tokenizer itself adds, such as a begin token.</summary>
    /// <inheritdoc cref="Encode(string)" path="/exception"/>
    public ImmutableArray<int> EncodePrompt(string text)
    {
        int[] ids = Encode(text);
        return parts.Before.IsEmpty && parts.After.IsEmpty
            ? ImmutableCollectionsMarshal.AsImmutableArray(ids) : [.. parts.Before, .. ids, .. parts.After];
    }

    /// <summary>The text of token ids. Bytes that are not UTF-8 become U+FFFD; an id without a token is passed over.</summary>
    /// <param name="ids">The ids.</param>
    /// <param name="keepSpecial">Whether special tokens come as their texts; otherwise they are left out.</param>
    public string Decode(ReadOnlySpan<int> ids, bool keepSpecial = false)
    {
        var sink = new PieceDecoder.Sink();
        PieceDecoder.Stream stream = BeginDecoding(sink);
        foreach (int id in ids)
        {
            if (Token(id) is { } token && (keepSpecial || !isSpecial[id]))
            {
                stream.Push(token);
            }
        }

        stream.Flush();
        return sink.Take();
    }

    /// <summary>Begins the decoding of a text that arrives token by token.</summary>
    /// <param name="keepSpecial">Whether special tokens come as their texts; otherwise they are left out.</param>
    public TokenStream CreateStream(bool keepSpecial = false) => new(this, keepSpecial);

    /// <summary>A token as the vocabulary has it, in its own spelling of spaces and bytes; null for an id without a token.</summary>
    public string? Token(int id) => (uint)id < (uint)tokens.Length ? tokens[id] : null;

    /// <summary>The id of a token as the vocabulary has it; null if there is no such token.</summary>
    public int? IdOf(string token)
    {
        ArgumentNullException.ThrowIfNull(token);
        return parts.IdOf(token);
    }

    /// <summary>Whether a token controls the model and is no text.</summary>
    public bool IsSpecial(int id) => (uint)id < (uint)isSpecial.Length && isSpecial[id];

    /// <summary>
    /// The bytes that a token stands for within a text: part of a character in some, UTF-8 together. Empty for an id without a token.
    /// </summary>
    public ReadOnlyMemory<byte> Bytes(int id) => (uint)id < (uint)tokens.Length ? bytes.Value[id] : default;

    /// <summary>The text of one token alone; bytes of part of a character become U+FFFD.</summary>
    public string Piece(int id) => Encoding.UTF8.GetString(Bytes(id).Span);

    /// <summary>Says why a model cannot take these ids; null if it can.</summary>
    /// <param name="ids">Ids of a prompt.</param>
    /// <param name="vocabularySize">The tokens that the model knows: ids are less.</param>
    public string? Refusal(ReadOnlySpan<int> ids, int vocabularySize)
    {
        foreach (int id in ids)
        {
            if ((uint)id >= (uint)vocabularySize)
            {
                return $"The prompt has the token '{Token(id)}' with the id {id}, which the model does not know: its vocabulary has "
                    + $"{vocabularySize} tokens.";
            }
        }

        return null;
    }

    /// <summary>The steps from tokens to text.</summary>
    internal PieceDecoder.Stream BeginDecoding(PieceDecoder.Sink sink)
    {
        PieceDecoder.Stream stream = sink;
        for (int i = parts.Decoders.Length - 1; i >= 0; i--)
        {
            stream = parts.Decoders[i].Begin(stream);
        }

        return stream;
    }

    private static TextTokenizer Open(string folder, TokenizerSettings settings)
    {
        string path = Path.Combine(folder, TokenizerJson.FileName);
        if (File.Exists(path))
        {
            return Guard(path, () => new TextTokenizer(TokenizerJson.Read(path, settings)));
        }

        string vocabulary = Path.Combine(folder, VocabularyFiles.VocabularyName);
        string merges = Path.Combine(folder, VocabularyFiles.MergesName);
        if (File.Exists(vocabulary) && File.Exists(merges))
        {
            return Guard(vocabulary, () => new TextTokenizer(VocabularyFiles.Read(vocabulary, merges, settings)));
        }

        string model = Path.Combine(folder, SentencePieceFile.FileName);
        return File.Exists(model)
            ? Guard(model, () => new TextTokenizer(SentencePieceFile.Read(model, settings)))
            : throw new CheckpointException(
                folder,
                $"has no tokenizer: neither {TokenizerJson.FileName}, nor {VocabularyFiles.VocabularyName} with "
                    + $"{VocabularyFiles.MergesName}, nor {SentencePieceFile.FileName}");
    }

    /// <summary>Names the file of what is wrong with its content, wherever that was found.</summary>
    private static T Guard<T>(string path, Func<T> read)
    {
        try
        {
            return read();
        }
        catch (Exception e) when (e is InvalidOperationException or ArgumentException or FormatException or OverflowException
            or InvalidDataException)
        {
            throw new CheckpointException(path, "is not a tokenizer that can be used: " + e.Message, e);
        }
    }

    /// <summary>The size of the model's vocabulary, if the folder has its configuration.</summary>
    private static int? ModelVocabulary(string folder)
    {
        string path = Path.Combine(folder, "config.json");
        if (!File.Exists(path))
        {
            return null;
        }

        using JsonDocument document = JsonFile.Open(path);
        JsonElement root = document.RootElement;
        if (root.ValueKind == JsonValueKind.Object && !root.TryGetProperty("vocab_size", out _)
            && root.TryGetProperty("text_config", out JsonElement text) && text.ValueKind == JsonValueKind.Object)
        {
            root = text;
        }

        return root.ValueKind == JsonValueKind.Object && root.TryGetProperty("vocab_size", out JsonElement size)
            && size.ValueKind == JsonValueKind.Number && size.TryGetInt32(out int value) ? value : null;
    }

    /// <summary>The text with U+FFFD for halves of surrogate pairs.</summary>
    private static string Whole(string text)
    {
        if (text.AsSpan().IndexOfAnyInRange('\uD800', '\uDFFF') < 0)
        {
            return text;
        }

        var whole = new StringBuilder(text.Length);
        Span<char> units = stackalloc char[2];
        foreach (Rune rune in text.EnumerateRunes())
        {
            whole.Append(units[..rune.EncodeToUtf16(units)]);
        }

        return whole.ToString();
    }

    private void Append(string text, List<int> ids)
    {
        var words = new List<PreTokenizer.Word>();
        foreach ((int start, int end, AddedToken? token) in verbatim.Split(text))
        {
            if (token is not null)
            {
                ids.Add(token.Id);
                continue;
            }

            string part = text[start..end];
            part = parts.Normalizer?.Apply(part) ?? part;
            foreach ((int from, int to, AddedToken? inner) in normalized.Split(part))
            {
                if (inner is not null)
                {
                    ids.Add(inner.Id);
                    continue;
                }

                var word = new PreTokenizer.Word(part[from..to], start == 0 && from == 0);
                if (parts.PreTokenizer is null)
                {
                    parts.Model.Encode(word.Text, ids);
                    continue;
                }

                words.Clear();
                parts.PreTokenizer.Split(word, words);
                foreach (PreTokenizer.Word piece in words)
                {
                    parts.Model.Encode(piece.Text, ids);
                }
            }
        }
    }

    private byte[] BytesOf(string token)
    {
        foreach (PieceDecoder decoder in parts.Decoders)
        {
            if (decoder.BytesOf(token) is { } made)
            {
                return made;
            }

            token = decoder.TextOf(token);
        }

        return Encoding.UTF8.GetBytes(token);
    }
}
