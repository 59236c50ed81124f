namespace Kernels.Compiler.Specs;

/// <summary>
/// What an attention kernel computes, as its attribute says it: values compared by content, no compiler object inside, so
/// that an incremental generator can cache on it. 0 stands for "automatic" as it does in the attribute.
/// </summary>
internal sealed record AttentionSpec(
    string Name,
    int QueryHeads,
    int KvHeads,
    int HeadDim,
    int ValueDim = 0,
    double Scale = 0,
    AttentionMask Mask = AttentionMask.None,
    ElementType Storage = ElementType.Float32,
    ElementType? CacheStorage = null,
    KvLayout Layout = KvLayout.Hnd,
    int QueryTile = 0,
    int KeyTile = 0)
{
    /// <summary>Query heads that share one KV head.</summary>
    public int GroupSize => QueryHeads / KvHeads;

    /// <summary>d_v with its default resolved.</summary>
    public int ResolvedValueDim => ValueDim == 0 ? HeadDim : ValueDim;

    /// <summary>The factor on q·k with its default resolved.</summary>
    public double ResolvedScale => Scale == 0 ? 1 / Math.Sqrt(HeadDim) : Scale;

    /// <summary>Element type of the cache with its default resolved.</summary>
    public ElementType ResolvedCacheStorage => CacheStorage ?? Storage;
}
