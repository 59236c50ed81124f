namespace Kernels.Conformance.Tests.Mods;

/// <summary>
/// Divides integers where C# throws: by zero, and the least one by −1. Only once: compilers take long over divisions of vectors.
/// </summary>
[AttentionKernel(2, 1, 8)]
internal sealed partial class DividedScores
{
    [ScoreMod]
    internal static float Divided(float score, int batch, int head, int query, int key, int least) =>
        score + (least / (key - query) * 1e-9f);

    /// <summary>The same, with what the documentation says that kernels make of it.</summary>
    internal static float Documented(float score, int query, int key, int least) =>
        score + ((key == query ? 0 : key - query == -1 ? unchecked(-least) : least / (key - query)) * 1e-9f);
}
