namespace Kernels.Decoding;

/// <summary>How one vector is made of the hidden states of a text's tokens.</summary>
internal enum Pooling
{
    /// <summary>Their mean.</summary>
    Mean,

    /// <summary>That of the first token.</summary>
    First,

    /// <summary>That of the last token.</summary>
    Last,

    /// <summary>The largest of each element.</summary>
    Max,
}
