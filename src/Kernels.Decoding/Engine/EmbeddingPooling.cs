namespace Kernels.Decoding;

/// <summary>How the vectors of a text's tokens become the text's.</summary>
public enum EmbeddingPooling
{
    /// <summary>Their mean.</summary>
    Mean,

    /// <summary>The last one.</summary>
    LastToken,
}
