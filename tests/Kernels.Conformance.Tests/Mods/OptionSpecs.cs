namespace Kernels.Conformance.Tests.Mods;

// Each option of a spec, and beside it a mod that says the same.

[AttentionKernel(4, 2, 32, Mask = AttentionMask.Causal)]
internal sealed partial class CausalOption;

[AttentionKernel(4, 2, 32)]
internal sealed partial class CausalMod
{
    [MaskMod]
    internal static bool Visible(int batch, int head, int query, int key) => key <= query;
}

[AttentionKernel(4, 2, 32, Mask = AttentionMask.Causal, WindowLeft = 13)]
internal sealed partial class LeftWindowOption;

[AttentionKernel(4, 2, 32)]
internal sealed partial class LeftWindowMod
{
    [MaskMod]
    internal static bool Visible(int batch, int head, int query, int key, int left) => key <= query && query - key <= left;
}

[AttentionKernel(4, 2, 32, WindowLeft = 9, WindowRight = 5)]
internal sealed partial class WindowOption;

[AttentionKernel(4, 2, 32)]
internal sealed partial class WindowMod
{
    [MaskMod]
    internal static bool Visible(int batch, int head, int query, int key, int left, int right) =>
        query - key <= left && key - query <= right;
}

[AttentionKernel(4, 2, 32, Mask = AttentionMask.PrefixCausal)]
internal sealed partial class PrefixOption;

[AttentionKernel(4, 2, 32)]
internal sealed partial class PrefixMod
{
    [MaskMod]
    internal static bool Visible(int batch, int head, int query, int key, ReadOnlySpan<int> prefixes) => key <= query
        || key < prefixes[batch];
}

[AttentionKernel(4, 2, 32, Softcap = 2)]
internal sealed partial class SoftcapOption;

[AttentionKernel(4, 2, 32)]
internal sealed partial class SoftcapMod
{
    [ScoreMod]
    internal static float Cap(float score, int batch, int head, int query, int key, float cap) => cap * MathF.Tanh(score / cap);
}

[AttentionKernel(6, 2, 32, Alibi = true)]
internal sealed partial class AlibiOption;

[AttentionKernel(6, 2, 32)]
internal sealed partial class AlibiMod
{
    [ScoreMod]
    internal static float Penalise(float score, int batch, int head, int query, int key, ReadOnlySpan<float> slopes) =>
        score - slopes[head] * Math.Abs(query - key);
}

[AttentionKernel(4, 2, 32, Documents = true)]
internal sealed partial class DocumentsOption;

[AttentionKernel(4, 2, 32)]
internal sealed partial class DocumentsMod
{
    [MaskMod]
    internal static bool Visible(int batch, int head, int query, int key, ReadOnlySpan<int> documents, ReadOnlySpan<int> starts) =>
        documents[starts[batch] + query] == documents[starts[batch] + key];
}

[AttentionKernel(4, 2, 32, KeyPadding = true)]
internal sealed partial class KeyPaddingOption;

[AttentionKernel(4, 2, 32)]
internal sealed partial class KeyPaddingMod
{
    [MaskMod]
    internal static bool Visible(int batch, int head, int query, int key, ReadOnlySpan<int> visible, int columns) =>
        visible[(batch * columns) + key] != 0;
}

[AttentionKernel(4, 2, 32, Bias = true)]
internal sealed partial class BiasOption;

[AttentionKernel(4, 2, 32)]
internal sealed partial class BiasMod
{
    [ScoreMod]
    internal static float Add(
        float score, int batch, int head, int query, int key, ReadOnlySpan<float> bias, ReadOnlySpan<int> firsts, int rows, int columns) =>
        score + bias[((((batch * QueryHeads) + head) * rows) + query - firsts[batch]) * columns + key];
}
