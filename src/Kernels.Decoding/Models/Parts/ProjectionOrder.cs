namespace Kernels.Decoding;

/// <summary>How queries, keys and values lie in the rows of one projection.</summary>
internal enum ProjectionOrder
{
    /// <summary>The queries of all heads, then the keys of all, then the values of all.</summary>
    ByKind,

    /// <summary>Head by head its query, its key and its value; for as many KV heads as query heads.</summary>
    ByHead,
}
