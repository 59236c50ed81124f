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
    int KeyTile = 0) : OptionValues
{
    /// <summary>Whether one row a token is both: all of it the key, its first elements the value.</summary>
    public bool LatentCache { get; init; }

    /// <summary>Whether a request's bits do not depend on what else is in the batch.</summary>
    public bool Deterministic { get; init; }

    /// <summary>Tokens of a page; 0: the cache is contiguous.</summary>
    public int PageSize { get; init; }

    /// <summary>The user's function on scores, or null.</summary>
    public ModFunction? ScoreMod { get; init; }

    /// <summary>The user's function on visibility, or null.</summary>
    public ModFunction? MaskMod { get; init; }

    /// <summary>The run-time inputs of the mods; one that both name is the same.</summary>
    public IReadOnlyList<ModInput> ModInputs =>
        (ScoreMod?.Inputs ?? default).Concat(MaskMod?.Inputs ?? default).Distinct().ToList();

    /// <summary>The first element that turns: a latent row has those that do after those that are its value.</summary>
    public int RotaryBegin => LatentCache ? ResolvedValueDim : 0;

    /// <summary>Query heads that share one KV head.</summary>
    public int GroupSize => QueryHeads / KvHeads;

    /// <summary>d_v with its default resolved.</summary>
    public int ResolvedValueDim => ValueDim == 0 ? HeadDim : ValueDim;

    /// <summary>Elements of a head that turn with the default resolved; 0 without rope.</summary>
    public int ResolvedRotaryDim => Rope == RopeStyle.None ? 0 : RotaryDim == 0 ? HeadDim - RotaryBegin : RotaryDim;

    /// <summary>The factor on q·k with its default resolved.</summary>
    public double ResolvedScale => Scale == 0 ? 1 / Math.Sqrt(HeadDim) : Scale;

    /// <summary>Element type of the cache with its default resolved.</summary>
    public ElementType ResolvedCacheStorage => CacheStorage ?? Storage;

    /// <summary>What the spec computes, with every default resolved: what host and kernels agree on.</summary>
    public AttentionShape Shape => AttentionShape.Options.Aggregate(
        new AttentionShape(QueryHeads, KvHeads, HeadDim, ResolvedValueDim, ResolvedScale, Mask, Storage, ResolvedCacheStorage, Layout)
        {
            LatentCache = LatentCache,
            HasMods = ScoreMod is not null || MaskMod is not null,
            Deterministic = Deterministic,
            PageSize = PageSize,
        },
        (shape, option) => option.Resolve(this, shape));

    /// <summary>What the scales of the cache belong to.</summary>
    public CacheScale CacheScale => ResolvedCacheStorage.Scale(LatentCache);
}
