namespace Kernels.Decoding;

/// <summary>
/// The parts of a tokenizer that comes from elsewhere than a tokenizer file, for <see cref="TextTokenizer.FromVocabulary"/>.
/// </summary>
internal sealed record TokenizerVocabulary
{
    /// <summary>How text is written as tokens.</summary>
    public required TokenizerKind Kind { get; init; }

    /// <summary>The tokens in the order of their ids; of equal ones the last counts.</summary>
    public required IReadOnlyList<string> Tokens { get; init; }

    /// <summary>Pairs of tokens with a space between, the first merged first; of <see cref="TokenizerKind.ByteLevelBpe"/>.</summary>
    public IReadOnlyList<string> Merges { get; init; } = [];

    /// <summary>A score for each token; of SentencePiece's kinds.</summary>
    public IReadOnlyList<float> Scores { get; init; } = [];

    /// <summary>
    /// How text is split into words: gpt-2, llama-bpe, qwen2, smollm, starcoder, deepseek-llm, deepseek-coder, deepseek-v3, falcon,
    /// gpt-4o, tekken, bloom and others; of <see cref="TokenizerKind.ByteLevelBpe"/>.
    /// </summary>
    public string PreTokenizer { get; init; } = "gpt-2";

    /// <summary>Whether a word that is itself a token is taken whole; of <see cref="TokenizerKind.ByteLevelBpe"/>.</summary>
    public bool IgnoreMerges { get; init; }

    /// <summary>Tokens that are found in text verbatim: control tokens (special) and those that users defined.</summary>
    public IReadOnlyList<AddedToken> AddedTokens { get; init; } = [];

    /// <summary>The token that begins texts.</summary>
    public int? BeginId { get; init; }

    /// <summary>The token that ends texts.</summary>
    public int? EndId { get; init; }

    /// <summary>The token for what has none.</summary>
    public int? UnknownId { get; init; }

    /// <summary>Whether <see cref="BeginId"/> is put before prompts.</summary>
    public bool AddsBegin { get; init; }

    /// <summary>Whether <see cref="EndId"/> is put after prompts.</summary>
    public bool AddsEnd { get; init; }

    /// <summary>Whether a space is put before text; of SentencePiece's kinds.</summary>
    public bool AddsSpacePrefix { get; init; } = true;

    /// <summary>Whether several spaces in a row become one, and those around a text none; of SentencePiece's kinds.</summary>
    public bool RemovesExtraSpaces { get; init; }

    /// <summary>
    /// Whether what has no token becomes the tokens of its bytes, &lt;0x00&gt; to &lt;0xFF&gt;; of SentencePiece's kinds.
    /// </summary>
    public bool ByteFallback { get; init; }

    /// <summary>SentencePiece's compiled map of characters; empty for none.</summary>
    public ReadOnlyMemory<byte> CharacterMap { get; init; }

    /// <summary>The file that the parts come from, for messages.</summary>
    public string Source { get; init; } = "tokenizer";
}
