namespace Kernels.Decoding;

/// <summary>How a decoder's KV cache takes memory.</summary>
internal enum CacheKind
{
    /// <summary>Every sequence has room for all its tokens from the start.</summary>
    Contiguous,

    /// <summary>Sequences take pages as they grow.</summary>
    Paged,
}
