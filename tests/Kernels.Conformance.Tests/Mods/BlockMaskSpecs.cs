namespace Kernels.Conformance.Tests.Mods;

/// <summary>A window that only a mod says: far tiles are empty, those inside are full.</summary>
[AttentionKernel(4, 2, 32)]
internal sealed partial class WideWindow
{
    [MaskMod]
    internal static bool Visible(int batch, int head, int query, int key, int left) => key <= query && query - key <= left;
}

/// <summary>The same, as small as an interpreter of kernels needs it.</summary>
[AttentionKernel(2, 1, 8)]
internal sealed partial class NarrowWindow
{
    [MaskMod]
    internal static bool Visible(int batch, int head, int query, int key, int left) => key <= query && query - key <= left;
}

/// <summary>A mask that differs from head to head, under a mask of the attribute, over pages, with a score mod beside it.</summary>
[AttentionKernel(4, 2, 32, Storage = ElementType.Float16, Mask = AttentionMask.Causal, PageSize = 16, Sinks = true)]
internal sealed partial class HeadBlocks
{
    [ScoreMod]
    internal static float Tilted(float score, int batch, int head, int query, int key) => score + 0.01f * (query - key);

    [MaskMod]
    internal static bool Visible(int batch, int head, int query, int key, ReadOnlySpan<int> documents) =>
        head / 2 == 0 ? documents[query] == documents[key] : key % 256 < 128 + 64 * batch;
}
