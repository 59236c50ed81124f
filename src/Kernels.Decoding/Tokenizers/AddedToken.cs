namespace Kernels.Decoding;

/// <summary>A token that is found in a text verbatim, before the text is split.</summary>
/// <param name="Content">Its text.</param>
/// <param name="Id">Its id.</param>
internal sealed record AddedToken(string Content, int Id)
{
    /// <summary>Whether it controls the model (begin, end, a role) and is no text: decoding leaves it out.</summary>
    public bool IsSpecial { get; init; }

    /// <summary>Whether it is found in the text as the normalizer rewrote it; otherwise in the text as it came.</summary>
    public bool IsNormalized { get; init; }

    /// <summary>Whether it counts only where no letter or digit touches it.</summary>
    public bool IsSingleWord { get; init; }

    /// <summary>Whether it takes the white space before it.</summary>
    public bool StripsLeft { get; init; }

    /// <summary>Whether it takes the white space after it.</summary>
    public bool StripsRight { get; init; }
}
