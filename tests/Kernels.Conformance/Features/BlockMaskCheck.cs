using Kernels.OpenCL;
using Kernels.Planning;

namespace Kernels.Conformance;

/// <summary>
/// A block mask changes no bit of what a mask mod gives (but see <see cref="RoundsByHiddenScales"/>), and leaves out what the mod hides.
/// </summary>
internal static class BlockMaskCheck
{
    /// <summary>
    /// Runs a case without and with a block mask, holds both against the reference, and the device's count of tiles against one from the
    /// mask itself.
    /// </summary>
    /// <param name="test">The case.</param>
    /// <param name="kernels">The kernels, with the inputs of mods set.</param>
    /// <param name="mods">The spec's mods as the reference gets them.</param>
    /// <param name="descriptor">The spec.</param>
    /// <param name="target">The target whose kernels run.</param>
    /// <returns>The tiles of each class, and what is wrong or null.</returns>
    public static (TileCounts Counts, string? Failure) Run<TSpec, T>(
        AttentionCase test, KernelsUnderTest<TSpec, T> kernels, ReferenceOptions mods, AttentionDescriptor descriptor, KernelTarget target)
        where T : unmanaged
    {
        using var loaded = new LoadedCase<TSpec, T>(test, kernels, mods);
        AttentionPlan<TSpec> step = loaded.Plan();
        Launched<T> without = loaded.Launch();
        using BlockMask<TSpec> mask = kernels.CreateBlockMask(step);
        kernels.BlockMask = mask;
        Launched<T> with = loaded.Launch();
        kernels.BlockMask = null;

        KernelGeometry geometry = descriptor.Geometry(target);
        TileCounts expected = Expected(test.Shape, descriptor.BlockMaskHeads, step.Work.PrefillTiles, geometry.Prefill.Keys, mods)
            + Expected(test.Shape, descriptor.BlockMaskHeads, step.Work.DecodeTiles, geometry.Decode.Keys, mods);
        TileCounts counts = mask.Count();
        string? failure = loaded.Difference
            ?? (with.HasBitsOf(without) || RoundsByHiddenScales(test.Shape, target) ? null : "the block mask changes bits")
            ?? (counts == expected ? null : $"tiles are {counts}, expected {expected}")
            ?? loaded.Compare(with).Failure;
        return (counts, failure);
    }

    /// <summary>
    /// Whether weights are rounded to 16 bits relative to the largest scale of the values so far, those of hidden tiles that are not left
    /// out among them.
    /// </summary>
    private static bool RoundsByHiddenScales(AttentionShape shape, KernelTarget target) => target == KernelTarget.Sm90
        && shape.CacheScale == CacheScale.PerToken;

    private static TileCounts Expected(AttentionShape shape, int heads, IReadOnlyList<WorkTile> items, int tileKeys, ReferenceOptions mods)
    {
        var counts = default(TileCounts);
        foreach (WorkTile item in items)
        {
            ReferenceOptions ofRequest = mods with { Batch = item.Batch };
            for (int kvHead = 0; kvHead < heads; kvHead++)
            {
                for (int first = item.KvBegin; first < item.KvEnd; first += tileKeys)
                {
                    bool[] seen =
                    [
                        .. from row in Enumerable.Range(item.FirstRow, item.RowCount)
                           from key in Enumerable.Range(first, Math.Min(tileKeys, item.KvEnd - first))
                           let head = (kvHead * shape.GroupSize) + (row % shape.GroupSize)
                           select ReferenceAttention.IsVisible(shape, item.Position + (row / shape.GroupSize), key, head, ofRequest),
                    ];
                    counts += !seen.Contains(true) ? new(1, 0, 0)
                        : !seen.Contains(false) && first + tileKeys <= item.KvEnd ? new(0, 0, 1)
                        : new TileCounts(0, 1, 0);
                }
            }
        }

        return counts;
    }
}
