namespace Kernels;

/// <summary>What an attention spec computes: the numbers of its attribute, with every default resolved.</summary>
/// <param name="QueryHeads">Query heads, H_q.</param>
/// <param name="KvHeads">Key-value heads, H_kv; divides <paramref name="QueryHeads"/>.</param>
/// <param name="HeadDim">Elements of one head of a query or a key, d_qk.</param>
/// <param name="ValueDim">Elements of one head of a value or an output, d_v.</param>
/// <param name="Scale">The factor on q·k.</param>
/// <param name="Mask">Which keys a query may see.</param>
/// <param name="Storage">Element type of queries, new keys and values, and outputs.</param>
/// <param name="CacheStorage">Element type of the KV cache.</param>
/// <param name="Layout">Order of the axes inside one sequence of the cache.</param>
public sealed record AttentionShape(
    int QueryHeads,
    int KvHeads,
    int HeadDim,
    int ValueDim,
    double Scale,
    AttentionMask Mask,
    ElementType Storage,
    ElementType CacheStorage,
    KvLayout Layout)
{
    /// <summary>Keys to the left of its own position that a query sees, its own not counted, 0 or more; null: all.</summary>
    public int? WindowLeft
    {
        get;
        init => field = value is null or >= 0
            ? value
            : throw new ArgumentOutOfRangeException(nameof(value), value, "Expected 0 or more, or null for all.");
    }

    /// <summary>Keys to the right of its own position that a query sees, 0 or more; null: all.</summary>
    public int? WindowRight
    {
        get;
        init => field = value is null or >= 0
            ? value
            : throw new ArgumentOutOfRangeException(nameof(value), value, "Expected 0 or more, or null for all.");
    }

    /// <summary>c in c·tanh(score / c), more than 0; null: off.</summary>
    public double? Softcap
    {
        get;
        init => field = value is null or > 0
            ? value
            : throw new ArgumentOutOfRangeException(nameof(value), value, "Expected more than 0, or null for off.");
    }

    /// <summary>Whether scores have ALiBi's penalty, slope_h·distance.</summary>
    public bool Alibi { get; init; }

    /// <summary>Whether each head has a learned logit in its softmax denominator, given at launch.</summary>
    public bool Sinks { get; init; }

    /// <summary>Whether a query sees the keys of its own document only; the documents are given at launch.</summary>
    public bool Documents { get; init; }

    /// <summary>Whether keys can be hidden one by one, by a mask that is given at launch.</summary>
    public bool KeyPadding { get; init; }

    /// <summary>Whether a number of its own is added to each score, given at launch.</summary>
    public bool Bias { get; init; }

    /// <summary>Which elements of a head rotary position embedding turns together; none: queries and keys are taken as they are.</summary>
    public RopeStyle Rope { get; init; }

    /// <summary>Elements of a head that turn, where there is rope.</summary>
    public int RotaryDim { get; init; }

    /// <summary>Whether one row a token is both: all of it the key, its first <see cref="ValueDim"/> elements the value.</summary>
    public bool LatentCache { get; init; }

    /// <summary>
    /// The first element of a head that turns, where there is rope: a latent row has those that do after those that are its value.
    /// </summary>
    public int RotaryBegin => LatentCache ? ValueDim : 0;

    /// <summary>What the scales of the cache belong to.</summary>
    public CacheScale CacheScale => CacheStorage.Scale(LatentCache);

    /// <summary>Bytes that a key of one KV head takes in the cache, with the scales that lie in its row.</summary>
    public long KeyBytes => CacheScale == CacheScale.PerGroup ? LatentFloat8Row.Bytes(HeadDim, ValueDim) : CacheStorage.RowBytes(HeadDim);

    /// <summary>Bytes that a value takes in the cache beside its key.</summary>
    public long ValueBytes => LatentCache ? 0 : CacheStorage.RowBytes(ValueDim);

    /// <summary>Whether scores or visibility go through functions of the user's.</summary>
    public bool HasMods { get; init; }

    /// <summary>Whether a request's bits do not depend on what else is in the batch.</summary>
    public bool Deterministic { get; init; }

    /// <summary>Tokens of a page of the cache; 0: the cache is contiguous.</summary>
    public int PageSize { get; init; }

    /// <summary>
    /// The options that a shape can have, in the order in which kernels are given their inputs and people are told of them.
    /// </summary>
    internal static readonly AttentionOption[] Options =
    [
        new MaskOption(), new WindowLeftOption(), new WindowRightOption(), new SoftcapOption(), new AlibiOption(), new SinksOption(),
        new DocumentsOption(), new KeyPaddingOption(), new BiasOption(), new RopeOption(),
    ];

    /// <summary>Query heads that share one KV head, H_q / H_kv.</summary>
    public int GroupSize => QueryHeads / KvHeads;

    /// <summary>Bytes that one token takes in the cache of one layer: its keys, its values and their scales over all KV heads.</summary>
    public long CacheBytesPerToken => (long)KvHeads
        * (KeyBytes + ValueBytes + (CacheScale == CacheScale.PerToken ? 2 * sizeof(float) : 0));

    /// <summary>
    /// Floating-point operations that one query token costs for each key that it sees, over all heads: 2 × H_q × (d_qk + d_v).
    /// </summary>
    public long FlopsPerQueryAndKey => 2L * QueryHeads * (HeadDim + ValueDim);

    /// <summary>Bytes of one token's queries and outputs over all heads.</summary>
    public long QueryBytesPerToken => (long)QueryHeads * (Storage.RowBytes(HeadDim) + Storage.RowBytes(ValueDim));
}
