namespace Kernels.Decoding;

/// <summary>
/// Which tokens may come next, given the text so far. A mask belongs to one text; its members are called by one thread at a time.
/// </summary>
public interface ITokenMask
{
    /// <summary>The tokens that may come next, bit t % 64 of word t / 64. Tokens that end a text are not told here.</summary>
    ReadOnlySpan<ulong> Allowed { get; }

    /// <summary>Whether the text may end here.</summary>
    bool MayEnd { get; }

    /// <summary>Whether nothing may come but the end: the generation ends then by itself.</summary>
    bool MustEnd { get; }

    /// <summary>Takes the token that the text goes on with: one that was allowed.</summary>
    void Accept(int token);
}
