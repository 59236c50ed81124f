namespace Kernels.Benchmarks.Compare;

// Mods of a few operations, on the causal attention that they are measured against.

/// <summary>A score mod: a penalty by distance with a slope for each head.</summary>
[AttentionKernel(queryHeads: 32, kvHeads: 8, headDim: 128, Mask = AttentionMask.Causal)]
public sealed partial class Sloped
{
    [ScoreMod]
    internal static float Slope(float score, int batch, int head, int query, int key, ReadOnlySpan<float> slopes) =>
        score - (slopes[head] * Math.Abs(query - key));
}

/// <summary>The same in float16.</summary>
[AttentionKernel(queryHeads: 32, kvHeads: 8, headDim: 128, Mask = AttentionMask.Causal, Storage = ElementType.Float16)]
public sealed partial class SlopedHalf
{
    [ScoreMod]
    internal static float Slope(float score, int batch, int head, int query, int key, ReadOnlySpan<float> slopes) =>
        score - (slopes[head] * Math.Abs(query - key));
}

/// <summary>A mask mod that hides what the causal mask hides, and asks for the document besides; all keys are of one document.</summary>
[AttentionKernel(queryHeads: 32, kvHeads: 8, headDim: 128)]
public sealed partial class DocumentMask
{
    [MaskMod]
    internal static bool Visible(int batch, int head, int query, int key, ReadOnlySpan<int> documents) =>
        key <= query && documents[key] == documents[query];
}

/// <summary>The same in float16.</summary>
[AttentionKernel(queryHeads: 32, kvHeads: 8, headDim: 128, Storage = ElementType.Float16)]
public sealed partial class DocumentMaskHalf
{
    [MaskMod]
    internal static bool Visible(int batch, int head, int query, int key, ReadOnlySpan<int> documents) =>
        key <= query && documents[key] == documents[query];
}
