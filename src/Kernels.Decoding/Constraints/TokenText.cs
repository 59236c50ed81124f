namespace Kernels.Decoding;

/// <summary>What single tokens stand for.</summary>
internal static class TokenText
{
    /// <summary>The bytes of a token; empty for an id without a token.</summary>
    public static ReadOnlySpan<byte> Bytes(TextTokenizer tokenizer, int id) => tokenizer.Bytes(id).Span;

    /// <summary>Whether a token is one that never comes as text, such as one that ends a turn.</summary>
    public static bool IsSpecial(TextTokenizer tokenizer, int id) => tokenizer.IsSpecial(id);
}
