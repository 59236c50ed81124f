using Kernels.OpenCL;

namespace Kernels.Conformance;

/// <summary>
/// A score mod with a scalar, a number of each head and one of each token; a mask mod whose far tiles are empty, but for some.
/// </summary>
[AttentionKernel(queryHeads: 8, kvHeads: 2, headDim: 128, Storage = ElementType.Float16)]
internal sealed partial class HalfSlopes
{
    [ScoreMod]
    internal static float Scored(
        float score, int batch, int head, int query, int key, float cap, ReadOnlySpan<float> slopes, ReadOnlySpan<float> tokens) =>
        cap * MathF.Tanh(score / cap) - slopes[head] * Math.Abs(query - key) + tokens[key];

    [MaskMod]
    internal static bool Visible(int batch, int head, int query, int key, ReadOnlySpan<int> documents, int left) =>
        key <= query && (query - key <= left || documents[query] % 7 == documents[key] % 7);
}

/// <summary>Mods on top of a mask of the attribute, over pages; each group of heads has tiles of its own.</summary>
[AttentionKernel(queryHeads: 8, kvHeads: 2, headDim: 128, Storage = ElementType.Float16, Mask = AttentionMask.Causal, PageSize = 16)]
internal sealed partial class HalfPagedDocuments
{
    [ScoreMod]
    internal static float Scored(
        float score, int batch, int head, int query, int key, ReadOnlySpan<float> slopes, ReadOnlySpan<float> tokens) =>
        score * (1f + slopes[head]) + tokens[key] * (batch + 1);

    [MaskMod]
    internal static bool Visible(int batch, int head, int query, int key, ReadOnlySpan<int> documents, int left) =>
        head < QueryHeads / 2 ? documents[query] == documents[key] : query - key <= left;
}

/// <summary>The same over int8 pages.</summary>
[AttentionKernel(
    queryHeads: 8, kvHeads: 2, headDim: 128, Storage = ElementType.Float16, CacheStorage = ElementType.Int8, Mask = AttentionMask.Causal,
    PageSize = 16)]
internal sealed partial class HalfInt8Documents
{
    [ScoreMod]
    internal static float Scored(
        float score, int batch, int head, int query, int key, ReadOnlySpan<float> slopes, ReadOnlySpan<float> tokens) =>
        score * (1f + slopes[head]) + tokens[key] * (batch + 1);

    [MaskMod]
    internal static bool Visible(int batch, int head, int query, int key, ReadOnlySpan<int> documents, int left) =>
        head < QueryHeads / 2 ? documents[query] == documents[key] : query - key <= left;
}

/// <summary>Small heads for steps of very many requests: every other head sees only a request's first keys.</summary>
[AttentionKernel(queryHeads: 4, kvHeads: 4, headDim: 16, Storage = ElementType.Float16)]
internal sealed partial class EvenHeads
{
    [MaskMod]
    internal static bool Visible(int batch, int head, int query, int key) => head % 2 == 0 && key >= batch % 2;
}

/// <summary>As <see cref="HalfSlopes"/>, in float32.</summary>
[AttentionKernel(queryHeads: 4, kvHeads: 2, headDim: 64)]
internal sealed partial class FloatSlopes
{
    [ScoreMod]
    internal static float Scored(
        float score, int batch, int head, int query, int key, float cap, ReadOnlySpan<float> slopes, ReadOnlySpan<float> tokens) =>
        cap * MathF.Tanh(score / cap) - slopes[head] * Math.Abs(query - key) + tokens[key];

    [MaskMod]
    internal static bool Visible(int batch, int head, int query, int key, ReadOnlySpan<int> documents, int left) =>
        key <= query && (query - key <= left || documents[query] % 7 == documents[key] % 7);
}

/// <summary>As <see cref="HalfPagedDocuments"/>, in float32 and by token.</summary>
[AttentionKernel(queryHeads: 4, kvHeads: 2, headDim: 64, Mask = AttentionMask.Causal, PageSize = 16, Layout = KvLayout.Nhd)]
internal sealed partial class FloatPagedDocuments
{
    [ScoreMod]
    internal static float Scored(
        float score, int batch, int head, int query, int key, ReadOnlySpan<float> slopes, ReadOnlySpan<float> tokens) =>
        score * (1f + slopes[head]) + tokens[key] * (batch + 1);

    [MaskMod]
    internal static bool Visible(int batch, int head, int query, int key, ReadOnlySpan<int> documents, int left) =>
        head < QueryHeads / 2 ? documents[query] == documents[key] : query - key <= left;
}
