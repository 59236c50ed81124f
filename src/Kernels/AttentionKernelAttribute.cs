namespace Kernels;

/// <summary>
/// Declares an attention spec on a partial class. The generator emits its OpenCL kernels, its KV-cache layout and its
/// host bindings into the same type.
/// </summary>
/// <remarks>
/// Multi-head attention (MHA) has as many KV heads as query heads, multi-query attention (MQA) one KV head, grouped-query
/// attention (GQA) something between; query head h uses KV head h / (queryHeads / kvHeads).
/// <code>
/// [AttentionKernel(queryHeads: 32, kvHeads: 8, headDim: 128, Mask = AttentionMask.Causal, Storage = ElementType.Float16)]
/// public sealed partial class Llama3Attention;
/// </code>
/// The generator writes C#: in Visual Basic and F# the attribute does nothing, and types are declared in a C# project that is referenced.
/// </remarks>
/// <param name="queryHeads">Query heads, H_q: 1 to 1024, a multiple of <paramref name="kvHeads"/>.</param>
/// <param name="kvHeads">Key-value heads, H_kv: 1 to 1024.</param>
/// <param name="headDim">Elements of one head of a query or a key, d_qk: 8 to 576.</param>
[AttributeUsage(AttributeTargets.Class | AttributeTargets.Struct | AttributeTargets.Interface, AllowMultiple = false, Inherited = false)]
public sealed class AttentionKernelAttribute(int queryHeads, int kvHeads, int headDim) : Attribute
{
    /// <summary>Query heads, H_q.</summary>
    public int QueryHeads { get; } = queryHeads;

    /// <summary>Key-value heads, H_kv.</summary>
    public int KvHeads { get; } = kvHeads;

    /// <summary>Elements of one head of a query or a key, d_qk.</summary>
    public int HeadDim { get; } = headDim;

    /// <summary>
    /// Elements of one head of a value and of the output, d_v: 8 to 512. 0, the default, means the same as <see cref="HeadDim"/>.
    /// </summary>
    public int ValueDim { get; set; }

    /// <summary>The factor on q·k. 0, the default, means 1/√d_qk; with <see cref="LatentCache"/> it must be given.</summary>
    public double Scale { get; set; }

    /// <summary>Which keys a query may see. Default: <see cref="AttentionMask.None"/>.</summary>
    public AttentionMask Mask { get; set; }

    /// <summary>
    /// A sliding window: how many keys to the left of its own position a query sees. −1, the default, means all. A model
    /// config's <c>sliding_window = W</c> is W − 1 here, since the token's own key is not counted. 0 or more; up to 2^30.
    /// </summary>
    public int WindowLeft { get; set; } = -1;

    /// <summary>
    /// How many keys to the right of its own position a query sees. −1, the default, means all that the mask shows; with
    /// <see cref="AttentionMask.Causal"/> there are none.
    /// </summary>
    public int WindowRight { get; set; } = -1;

    /// <summary>c in c·tanh(score / c), which keeps scores between −c and c (Gemma-2 has 50). 0, the default, is off.</summary>
    public double Softcap { get; set; }

    /// <summary>
    /// Whether a score is lowered by the distance of query and key times its head's slope, as in Bloom (ALiBi). With n the largest
    /// power of two up to H_q, head h has the slope 2^(−8(h + 1)/n) for h below n, then 2^(−4(2(h − n) + 1)/n).
    /// </summary>
    public bool Alibi { get; set; }

    /// <summary>
    /// Whether each head has a learned logit that takes part in the softmax denominator only, as in gpt-oss; given at launch.
    /// </summary>
    public bool Sinks { get; set; }

    /// <summary>
    /// Whether a sequence is made of documents that don't see each other: a query sees the keys of its own document only. The
    /// document of each key is given at launch, one int for each key of each request, packed request after request as the
    /// requests stand in the step: [s_k of request 0 + s_k of request 1 + …]. A query has the document of the key at its own
    /// position i + s_k − s_q; one below position 0 has none and sees nothing.
    /// </summary>
    public bool Documents { get; set; }

    /// <summary>
    /// Whether keys can be masked one by one, such as those of padding: a byte for each key of each request, [requests, keys],
    /// given at launch; a key whose byte is 0 is seen by no query of its request.
    /// </summary>
    public bool KeyPadding { get; set; }

    /// <summary>
    /// Whether a number of its own is added to each score: float32 [requests or 1, H_q or 1, queries or 1, keys], given at
    /// launch; an axis of 1 serves all. The row is the query's index among those of its request, the column the key's position.
    /// It is added to scale·(q·k) after softcap and score mod, before the mask; −∞ hides the key.
    /// </summary>
    public bool Bias { get; set; }

    /// <summary>
    /// Rotary position embedding by the kernels: append turns keys by their tokens' positions before it stores them, attention
    /// turns queries by theirs, i + s_k − s_q (0 for those below). The angles are given at launch, as a <see cref="RopeTable"/>
    /// on the device. <see cref="RopeStyle.None"/>, the default, takes queries and keys as they are.
    /// </summary>
    public RopeStyle Rope { get; set; }

    /// <summary>
    /// How many elements of a head turn, an even number: its first ones, up to <see cref="HeadDim"/>; with <see cref="LatentCache"/> the
    /// first of those after the value, up to <see cref="HeadDim"/> − <see cref="ValueDim"/>. 0, the default, means all of them.
    /// </summary>
    public int RotaryDim { get; set; }

    /// <summary>
    /// Whether the cache is latent, as in DeepSeek's multi-head latent attention (MLA) in its absorbed form: one row a token is
    /// the key of all query heads, and its first <see cref="ValueDim"/> elements are the value. kvHeads is then 1 and headDim
    /// the latent rank plus the elements that turn; it needs <see cref="ValueDim"/> (the latent rank) and <see cref="Scale"/> (1/√ of the
    /// dimension that heads had before absorption, times the square of YaRN's factor where the model has one). With rope, the elements
    /// after the value turn. New values are not read: they are in the keys. The row can be quantised, see <see cref="CacheStorage"/>.
    /// </summary>
    /// <remarks>
    /// DeepSeek-V3 and R1: rank 512, rope dimension 64, heads of 128 + 64 before absorption, YaRN with a factor of 40 and an mscale of all
    /// dimensions of 1, so that the scale is (0.1·ln 40 + 1)² / √192. The fp8 cache of 656 bytes a token (FlashMLA's) is the same with the
    /// last line:
    /// <code>
    /// [AttentionKernel(queryHeads: 128, kvHeads: 1, headDim: 576, ValueDim = 512, LatentCache = true, Scale = 0.1352337788608801,
    ///     Mask = AttentionMask.Causal, Storage = ElementType.BFloat16, Rope = RopeStyle.Interleaved, PageSize = 64,
    ///     CacheStorage = ElementType.Float8E4M3)]
    /// </code>
    /// Queries are [q · W_UK, q_rope], new keys [latent, k_rope], and outputs have yet to be multiplied by W_UV.
    /// </remarks>
    public bool LatentCache { get; set; }

    /// <summary>
    /// Whether a request's outputs and LSEs have the same bits whatever else is in the batch. Its keys are then split by its own
    /// length alone, prompts not at all, and shared prefixes are read once for each request: an almost empty device is used less well.
    /// Its prefill tile is the planner's: none is measured.
    /// </summary>
    public bool Deterministic { get; set; }

    /// <summary>Tokens of a page, 1 to 256, of a paged cache. 0, the default, means that the cache is contiguous.</summary>
    public int PageSize { get; set; }

    /// <summary>
    /// The element type of queries, new keys and values, and outputs: <see cref="ElementType.Float32"/>, the default,
    /// <see cref="ElementType.Float16"/> or <see cref="ElementType.BFloat16"/>.
    /// </summary>
    /// <remarks>
    /// A number that the type does not hold becomes infinite when it is converted, which for queries, keys and values is before a kernel
    /// sees it:
    /// in <see cref="ElementType.Float16"/> from 65520 on, in the others from 3.4e38 on. What attention then gives is another function, or
    /// NaN; a device that was opened with <c>CheckNumbers</c> says so. Outputs are means of values, so that they are in range if values
    /// are. Scores, their scale, softcap, weights and sums are float32 whatever the storage: the score of rows of 60000s is as good as that
    /// of rows of ones. On tensor cores the product of query and key is formed, in float32, before the scale is applied, so that |q·k| is
    /// to be below 3.4e38 itself; queries that rope has turned and the weights of values are rounded to the storage there. Keys are rounded
    /// to <see cref="CacheStorage"/> everywhere, once rope has turned them.
    /// </remarks>
    public ElementType Storage { get; set; }

    /// <summary>
    /// The element type of the KV cache. Left out, it is the same as <see cref="Storage"/>. <see cref="ElementType.Int4"/> needs
    /// dimensions that are multiples of 16. A latent cache in <see cref="ElementType.Float8E4M3"/> has the rows of
    /// <see cref="LatentFloat8Row"/>, with a scale for every 128 elements of the value and the others in bfloat16: it needs a
    /// <see cref="ValueDim"/> that is a multiple of 128 and an even <see cref="HeadDim"/>. The append kernel finds the scales. A latent
    /// cache is not kept in integers.
    /// </summary>
    public ElementType CacheStorage { get; set; }

    /// <summary>The order of the axes inside one sequence of the cache. Default: <see cref="KvLayout.Hnd"/>.</summary>
    public KvLayout Layout { get; set; }

    /// <summary>
    /// Query rows of a prefill tile of <see cref="KernelTarget.Portable"/>: a power of two, 4 to 128; a row is one (token, query head)
    /// pair.
    /// 0, the default, lets the planner choose.
    /// </summary>
    public int QueryTile { get; set; }

    /// <summary>
    /// Keys of a prefill tile of <see cref="KernelTarget.Portable"/>: a power of two, 8 to 256. 0, the default, lets the planner choose.
    /// </summary>
    public int KeyTile { get; set; }
}
