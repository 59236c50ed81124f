using Kernels;

namespace Decoders;

/// <summary>The attention of a layer, in the terms of <see cref="Kernels.AttentionKernelAttribute"/>: what a generated type must be to run it.</summary>
/// <param name="QueryHeads">Query heads, H_q.</param>
/// <param name="KvHeads">Key-value heads, H_kv; divides <paramref name="QueryHeads"/>.</param>
/// <param name="HeadDim">Elements of a head of queries and keys, d.</param>
public sealed record AttentionGeometry(int QueryHeads, int KvHeads, int HeadDim)
{
    /// <summary>Elements of a head of values and outputs; by default d too.</summary>
    public int ValueDim { get; init; } = HeadDim;

    /// <summary>Whether a row of the cache is key and value at once: all of it the key of all heads, its first <see cref="ValueDim"/> elements the value.</summary>
    public bool LatentCache { get; init; }

    /// <summary>Which elements the attention kernels turn together by their position; none where the decoder does it before, or there is no rope.</summary>
    public RopeStyle Rope { get; init; }

    /// <summary>Elements that the attention kernels turn: the first of a head, or those after the value of a latent row.</summary>
    public int RotaryDim { get; init; }

    /// <summary>The factor on q·k; by default 1/√d.</summary>
    public double Scale { get; init; } = 1 / Math.Sqrt(HeadDim);

    /// <summary>Keys to the left of its own position that a query sees, its own not counted; −1: all.</summary>
    public int WindowLeft { get; init; } = -1;

    /// <summary>c in c·tanh(score / c); 0: off.</summary>
    public double Softcap { get; init; }

    /// <summary>Whether scores are lowered by the distance times the head's slope.</summary>
    public bool Alibi { get; init; }

    /// <summary>Whether each head has a learned logit in its softmax denominator.</summary>
    public bool Sinks { get; init; }
}
