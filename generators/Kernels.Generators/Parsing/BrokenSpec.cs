using Kernels.Compiler.Specs;

namespace Kernels.Generators.Parsing;

/// <summary>
/// What stands in for a spec that breaks a rule: members are emitted for it, so that what the user wrote against them is not wrong too.
/// Each number is what was asked for, or the nearest that a spec may have.
/// </summary>
internal static class BrokenSpec
{
    public static AttentionSpec Mend(AttentionSpec spec)
    {
        int headDim = Clamp(spec.HeadDim, SpecLimits.MinDim, SpecLimits.MaxHeadDim);
        int valueDim = spec.ValueDim == 0 ? 0 : Clamp(spec.ValueDim, SpecLimits.MinDim, SpecLimits.MaxValueDim);
        spec = AttentionShape.Options.Aggregate(spec, (mended, option) => option.Mend(mended));
        return spec with
        {
            QueryHeads = Clamp(spec.QueryHeads, SpecLimits.MinHeads, SpecLimits.MaxHeads),
            KvHeads = Clamp(spec.KvHeads, SpecLimits.MinHeads, SpecLimits.MaxHeads),
            HeadDim = headDim,
            ValueDim = spec.LatentCache ? Math.Min(valueDim, headDim) : valueDim,
            Storage = spec.Storage switch
            {
                ElementType.Float16 or ElementType.BFloat16 => spec.Storage,

                // What is meant is a cache of that type, which is one for 16 bits.
                ElementType.Int8 or ElementType.Int4 or ElementType.Float8E4M3 => ElementType.Float16,
                _ => ElementType.Float32,
            },
            CacheStorage = spec.CacheStorage is { } cache && Enum.IsDefined(typeof(ElementType), cache) ? cache : null,
            Layout = Defined(spec.Layout, KvLayout.Hnd),
            PageSize = Clamp(spec.PageSize, 0, SpecLimits.MaxPageSize),
            QueryTile = 0,
            KeyTile = 0,
        };
    }

    private static int Clamp(int value, int low, int high) => Math.Min(Math.Max(value, low), high);

    private static T Defined<T>(T value, T otherwise)
        where T : struct, Enum => Enum.IsDefined(typeof(T), value) ? value : otherwise;
}
