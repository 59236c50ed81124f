namespace Kernels.Decoding;

/// <summary>Which logits a step gives.</summary>
public enum LogitRows
{
    /// <summary>Those after each sequence's last token.</summary>
    Last,

    /// <summary>Those after every token.</summary>
    All,
}
