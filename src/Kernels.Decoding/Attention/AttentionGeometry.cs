using System.Globalization;
using System.Text;

namespace Kernels.Decoding;

/// <summary>
/// The attention of a layer, in the terms of <see cref="Kernels.AttentionKernelAttribute"/>: what a generated type must be to run it.
/// </summary>
/// <param name="QueryHeads">Query heads, H_q.</param>
/// <param name="KvHeads">Key-value heads, H_kv; divides <paramref name="QueryHeads"/>.</param>
/// <param name="HeadDim">Elements of a head of queries and keys, d.</param>
internal sealed record AttentionGeometry(int QueryHeads, int KvHeads, int HeadDim)
{
    /// <summary>Elements of a head of values and outputs; by default d too.</summary>
    public int ValueDim { get; init; } = HeadDim;

    /// <summary>
    /// Whether a row of the cache is key and value at once: all of it the key of all heads, its first <see cref="ValueDim"/> elements the
    /// value.
    /// </summary>
    public bool LatentCache { get; init; }

    /// <summary>
    /// Which elements the attention kernels turn together by their position; none where the decoder does it before, or there is no rope.
    /// </summary>
    public RopeStyle Rope { get; init; }

    /// <summary>Elements that the attention kernels turn: the first of a head, or those after the value of a latent row.</summary>
    public int RotaryDim { get; init; }

    /// <summary>The factor on q·k; by default 1/√d.</summary>
    public double Scale { get; init; } = 1 / Math.Sqrt(HeadDim);

    /// <summary>Keys to the left of its own position that a query sees, its own not counted; −1: all.</summary>
    public int WindowLeft { get; init; } = -1;

    /// <summary>Whether a query sees keys behind it too: an encoder's.</summary>
    public bool IsBidirectional { get; init; }

    /// <summary>Keys to the right of its own position that a bidirectional query sees; −1: all.</summary>
    public int WindowRight { get; init; } = -1;

    /// <summary>c in c·tanh(score / c); 0: off.</summary>
    public double Softcap { get; init; }

    /// <summary>Whether scores are lowered by the distance times the head's slope.</summary>
    public bool Alibi { get; init; }

    /// <summary>Whether each head has a learned logit in its softmax denominator.</summary>
    public bool Sinks { get; init; }

    /// <summary>The same without a window that no sequence of this many tokens grows out of.</summary>
    public AttentionGeometry Within(int capacity)
    {
        AttentionGeometry within = WindowLeft >= capacity - 1 ? this with { WindowLeft = -1 } : this;
        return within.WindowRight >= capacity - 1 ? within with { WindowRight = -1 } : within;
    }

    /// <summary>The spec of layers of this geometry.</summary>
    /// <param name="type">The type of queries, keys, values, outputs and the cache.</param>
    /// <param name="pageSize">Tokens of a page; 0: the cache is contiguous.</param>
    internal AttentionShape Shape(ElementType type, int pageSize) =>
        new(
            QueryHeads, KvHeads, HeadDim, ValueDim, Scale, IsBidirectional ? AttentionMask.None : AttentionMask.Causal, type, type,
            KvLayout.Hnd)
        {
            WindowLeft = WindowLeft < 0 ? null : WindowLeft,
            WindowRight = WindowRight < 0 ? null : WindowRight,
            Softcap = Softcap > 0 ? Softcap : null,
            Alibi = Alibi,
            Sinks = Sinks,
            Rope = Rope,
            RotaryDim = RotaryDim,
            LatentCache = LatentCache,
            PageSize = pageSize,
        };

    /// <summary>
    /// Whether a spec runs layers of this geometry: the same but for the size of pages, the order of axes and the cache's own type.
    /// </summary>
    internal bool IsOf(AttentionShape spec, CacheKind cache, ElementType type)
    {
        AttentionShape own = Shape(type, spec.PageSize);
        return (spec.PageSize > 0) == (cache == CacheKind.Paged)
            && !spec.HasMods
            && (float)spec.Scale == (float)own.Scale // kernels have it in float32
            && (float)(spec.Softcap ?? 0) == (float)(own.Softcap ?? 0)
            && spec with { Scale = own.Scale, Softcap = own.Softcap, Deterministic = false } == own;
    }

    /// <summary>A name that tells a spec's numbers, for messages.</summary>
    internal static string NameOf(AttentionShape shape)
    {
        var name = new StringBuilder();
        name.Append(CultureInfo.InvariantCulture, $"Heads{shape.QueryHeads}Over{shape.KvHeads}Of{shape.HeadDim}");
        if (shape.LatentCache || shape.ValueDim != shape.HeadDim)
        {
            name.Append(CultureInfo.InvariantCulture, $"{(shape.LatentCache ? "Latent" : "To")}{shape.ValueDim}");
        }

        name.Append(shape.Rope == RopeStyle.None ? "" : $"{shape.Rope}")
            .Append((float)shape.Scale == (float)(1 / Math.Sqrt(shape.HeadDim)) ? "" : "Scaled");
        if (shape.WindowLeft is { } window)
        {
            name.Append(CultureInfo.InvariantCulture, $"Window{window + 1}");
        }

        if (shape.WindowRight is { } right)
        {
            name.Append(CultureInfo.InvariantCulture, $"Right{right}");
        }

        return name.Append(shape.Mask == AttentionMask.None ? "Bidirectional" : "").Append(shape.Softcap is null ? "" : "Capped")
            .Append(shape.Alibi ? "Alibi" : "").Append(shape.Sinks ? "Sinks" : "")
            .Append(shape.Storage).Append(shape.PageSize > 0 ? "Paged" : "").ToString();
    }
}
