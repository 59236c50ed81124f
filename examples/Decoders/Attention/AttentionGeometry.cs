namespace Decoders;

/// <summary>The attention of a layer, in the terms of <see cref="Kernels.AttentionKernelAttribute"/>: what a generated type must be to run it.</summary>
/// <param name="QueryHeads">Query heads, H_q.</param>
/// <param name="KvHeads">Key-value heads, H_kv; divides <paramref name="QueryHeads"/>.</param>
/// <param name="HeadDim">Elements of a head, d.</param>
public sealed record AttentionGeometry(int QueryHeads, int KvHeads, int HeadDim)
{
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
