namespace Kernels.Decoding;

/// <summary>How a vocabulary is used to write text as tokens.</summary>
internal enum TokenizerKind
{
    /// <summary>Byte-pair encoding over bytes, each written as a printable character: GPT-2 and what came after it.</summary>
    ByteLevelBpe,

    /// <summary>SentencePiece's byte-pair encoding: pairs whose result has the highest score are merged first. Spaces are U+2581.</summary>
    SentencePieceBpe,

    /// <summary>SentencePiece's unigram model: the tokens whose scores have the greatest sum. Spaces are U+2581.</summary>
    Unigram,
}
