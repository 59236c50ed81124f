using System.Collections.Immutable;
using System.Text;
using Microsoft.ML.Tokenizers;

namespace Kernels.Decoding;

/// <summary>
/// A byte-level BPE tokenizer of a checkpoint folder: from <c>tokenizer.json</c>, or from <c>vocab.json</c> and
/// <c>merges.txt</c>. Token ids are those of Hugging Face's tokenizer with <c>add_special_tokens=False</c>. Thread-safe.
/// </summary>
/// <remarks>
/// Regular expressions here see UTF-16 code units, so a letter beyond the basic plane counts as a symbol when text is split;
/// such text may come out in other tokens than Hugging Face's, though it decodes to the same text.
/// </remarks>
public sealed class TextTokenizer
{
    private readonly BpeTokenizer bpe;
    private readonly PreTokenizer preTokenizer;
    private readonly Dictionary<string, int> wholeWords;
    private readonly byte[]?[] bytesOf;

    internal TextTokenizer(string path, TokenizerModel model)
    {
        preTokenizer = new RegexPreTokenizer(model.Split, model.AddedTokens);
        try
        {
            bpe = BpeTokenizer.Create(new BpeOptions(model.Vocabulary)
            {
                Merges = model.Merges,
                ByteLevel = true,
                SpecialTokens = model.AddedTokens,
                PreTokenizer = preTokenizer,
            });
        }
        catch (Exception e) when (e is ArgumentException or InvalidOperationException or FormatException)
        {
            throw new CheckpointException(path, "has a vocabulary and merges that do not fit: " + e.Message, e);
        }

        wholeWords = model.IgnoreMerges ? model.Vocabulary : [];
        bytesOf = new byte[]?[Math.Max(model.Vocabulary.Values.DefaultIfEmpty(-1).Max(), model.AddedTokens.Values.DefaultIfEmpty(-1).Max()) + 1];
        foreach ((string token, int id) in model.Vocabulary)
        {
            bytesOf[id] = ByteAlphabet.ToBytes(token);
        }

        foreach ((string token, int id) in model.AddedTokens)
        {
            bytesOf[id] = Encoding.UTF8.GetBytes(token);
        }
    }

    /// <summary>One more than the greatest token id.</summary>
    public int Count => bytesOf.Length;

    /// <summary>Opens the tokenizer of a checkpoint folder.</summary>
    /// <exception cref="CheckpointException">There is none, it is not well-formed, or its kind is not supported.</exception>
    public static TextTokenizer Load(string folder)
    {
        folder = CheckpointFolder.Resolve(folder);
        if (CheckpointFolder.IsGguf(folder))
        {
            return GgufTokenizer.Load(folder);
        }

        string path = Path.Combine(folder, TokenizerModel.FileName);
        if (File.Exists(path))
        {
            return new TextTokenizer(path, TokenizerModel.ReadJson(path));
        }

        string vocabulary = Path.Combine(folder, TokenizerModel.VocabularyFileName);
        string merges = Path.Combine(folder, TokenizerModel.MergesFileName);
        return File.Exists(vocabulary) && File.Exists(merges)
            ? new TextTokenizer(vocabulary, TokenizerModel.ReadVocabulary(vocabulary, merges))
            : throw new CheckpointException(folder, $"has no byte-level BPE tokenizer: neither {TokenizerModel.FileName} nor {TokenizerModel.VocabularyFileName} with {TokenizerModel.MergesFileName}");
    }

    /// <summary>The token ids of a text. Names of special tokens in it become those tokens; none is added.</summary>
    public int[] Encode(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (wholeWords.Count == 0)
        {
            return [.. bpe.EncodeToIds(text)];
        }

        // A word that is itself a token is taken whole, even where the merges would not build it.
        var ids = new List<int>();
        foreach ((int offset, int length) in preTokenizer.PreTokenize(text))
        {
            string word = text.Substring(offset, length);
            if (wholeWords.TryGetValue(ByteAlphabet.FromBytes(Encoding.UTF8.GetBytes(word)), out int id))
            {
                ids.Add(id);
            }
            else
            {
                ids.AddRange(bpe.EncodeToIds(word));
            }
        }

        return [.. ids];
    }

    /// <summary>The tokens of a prompt: those of the text, after the token that begins a text if the model wants one.</summary>
    public ImmutableArray<int> EncodePrompt(ModelConfig config, string text) =>
        [.. config.BosTokenId is { } bos ? [bos] : Array.Empty<int>(), .. Encode(text)];

    /// <summary>The text of token ids. Bytes that are not UTF-8 become U+FFFD; an id without a token is passed over.</summary>
    public string Decode(ReadOnlySpan<int> ids)
    {
        TokenStream stream = CreateStream();
        var text = new StringBuilder();
        foreach (int id in ids)
        {
            text.Append(stream.Push(id));
        }

        return text.Append(stream.Flush()).ToString();
    }

    /// <summary>Begins the decoding of a text that arrives token by token.</summary>
    public TokenStream CreateStream() => new(this);

    /// <summary>The bytes that a token stands for; empty for an id without a token.</summary>
    internal ReadOnlySpan<byte> BytesOf(int id) => (uint)id < (uint)bytesOf.Length ? bytesOf[id] : default;
}

/// <summary>Turns tokens into text as they arrive. A character whose bytes are split over tokens comes out with its last one.</summary>
public sealed class TokenStream
{
    private readonly TextTokenizer tokenizer;
    private readonly System.Text.Decoder decoder = Encoding.UTF8.GetDecoder();

    internal TokenStream(TextTokenizer tokenizer) => this.tokenizer = tokenizer;

    /// <summary>The characters that this token completes; often its text, sometimes empty.</summary>
    public string Push(int id) => Convert(tokenizer.BytesOf(id), flush: false);

    /// <summary>Ends the text: what is left of an incomplete character becomes U+FFFD.</summary>
    public string Flush() => Convert([], flush: true);

    private string Convert(ReadOnlySpan<byte> bytes, bool flush)
    {
        Span<char> buffer = stackalloc char[256];
        int needed = decoder.GetCharCount(bytes, flush);
        Span<char> chars = needed <= buffer.Length ? buffer : new char[needed];
        return new string(chars[..decoder.GetChars(bytes, chars, flush)]);
    }
}
