namespace Kernels.Decoding;

/// <summary>Why a generation ended.</summary>
public enum FinishReason
{
    /// <summary>A stop string, or a token that ends a text.</summary>
    Stop,

    /// <summary>As many tokens as were asked for.</summary>
    Length,

    /// <summary>It was cancelled.</summary>
    Cancelled,
}
