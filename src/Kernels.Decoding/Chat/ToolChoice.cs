namespace Kernels.Decoding;

/// <summary>Whether a reply calls tools.</summary>
internal enum ToolChoice
{
    /// <summary>As the model likes.</summary>
    Auto,

    /// <summary>No.</summary>
    None,

    /// <summary>Yes, one of them.</summary>
    Required,
}
