using Kernels.Compiler.Specs;

namespace Kernels.Compiler.Planning;

/// <summary>
/// Tiles for the portable target: queries, one tile of keys or values, and the scores, all as float32 in local memory,
/// within what OpenCL 1.2 promises of every device.
/// </summary>
internal static class PortablePlanner
{
    private const int FloatBytes = 4;
    private const int Float4Bytes = 4 * FloatBytes;

    /// <summary>Prefill tiles, best first: more rows reuse a key more often, more keys pay for a barrier more often.</summary>
    private static readonly (int Rows, int Keys)[] PrefillTiles =
    [
        (64, 32), (32, 32), (32, 16), (16, 16), (16, 8), (8, 8), (4, 8),
    ];

    public static KernelPlan Plan(AttentionSpec spec)
    {
        TilePlan prefill = PlanPrefill(spec);
        return new KernelPlan(KernelTarget.Portable, prefill, PlanDecode(spec), AppendWorkGroupSize: 64, CombineWorkGroupSize: 64)
        {
            PrefillVariants = spec.QueryTile > 0 || spec.KeyTile > 0 ? [] : SmallerTile(spec, prefill),
        };
    }

    /// <summary>The next tile of the same work-items: it takes less local memory and fewer registers, so that more work-groups run side by side.</summary>
    private static TilePlan[] SmallerTile(AttentionSpec spec, TilePlan first) =>
        [.. PrefillTiles
            .Select(tile => Shape(spec, tile.Rows, tile.Keys, maxThreadsY: 8))
            .Where(tile => tile.Rows < first.Rows && tile.ThreadsX == first.ThreadsX && tile.ThreadsY == first.ThreadsY)
            .Take(1)];

    /// <summary>The prefill tile that the spec asks for, or the best that fits; what does not fit is the validator's to report.</summary>
    public static TilePlan PlanPrefill(AttentionSpec spec)
    {
        var candidates = PrefillTiles
            .Select(tile => (Rows: Or(spec.QueryTile, tile.Rows), Keys: Or(spec.KeyTile, tile.Keys)))
            .Select(tile => Shape(spec, tile.Rows, tile.Keys, maxThreadsY: 8))
            .ToList();
        return candidates.FirstOrDefault(Fits) ?? candidates[candidates.Count - 1];
    }

    /// <summary>Few rows, one group of query heads if it can be, and as many keys as fit: what matters is how much is being read.</summary>
    private static TilePlan PlanDecode(AttentionSpec spec)
    {
        int most = Math.Min(Math.Max(PowerOfTwoAtLeast(spec.GroupSize), 4), 16);
        return (from rows in new[] { 16, 8, 4 }
                where rows <= most
                from keys in new[] { 64, 32, 16, 8 }
                select Shape(spec, rows, keys, maxThreadsY: 4)).First(Fits);
    }

    private static TilePlan Shape(AttentionSpec spec, int rows, int keys, int maxThreadsY)
    {
        int widest = Math.Max(spec.HeadDim, spec.ResolvedValueDim);
        int threadsX = Math.Min(Math.Min(keys, 16), Math.Max(8, PowerOfTwoAtLeast(widest / 4)));
        int threadsY = Math.Min(rows, maxThreadsY);

        // No more work-items than a tile of keys or values has float4s, so that each loads one at least: PoCL 3.1 goes wrong
        // in loops that only some work-items of a group enter.
        int narrowest = keys * ((Math.Min(spec.HeadDim, spec.ResolvedValueDim) + 3) / 4);
        while (threadsY > 1 && threadsX * threadsY > narrowest)
        {
            threadsY /= 2;
        }

        int local = Float4Bytes * ((rows * TileStride(spec.HeadDim)) + (keys * KvStride(spec)) + (rows * ScoreStride(keys)));
        
        // Local memory of a GPU's compute unit is 64 KiB or more; a few work-groups side by side hide its latencies.
        return new TilePlan(rows, keys, threadsX, threadsY, local, GroupsPerUnit: Math.Min(8, Math.Max(1, 2 * SpecLimits.PortableLocalBytes / local)));
    }

    private static bool Fits(TilePlan tile) => tile.LocalBytes <= SpecLimits.PortableLocalBytes;

    /// <summary>float4s between rows of a tile in local memory: odd, so that rows begin in different banks.</summary>
    public static int TileStride(int dim) => ((dim + 3) / 4) | 1;

    /// <summary>float4s between rows of the tile that holds keys first and values later.</summary>
    public static int KvStride(AttentionSpec spec) => TileStride(Math.Max(spec.HeadDim, spec.ResolvedValueDim));

    /// <summary>float4s between rows of the scores.</summary>
    public static int ScoreStride(int keys) => TileStride(keys);

    private static int Or(int asked, int automatic) => asked == 0 ? automatic : asked;

    /// <summary>The least power of two that is no less.</summary>
    public static int PowerOfTwoAtLeast(int value)
    {
        int power = 1;
        while (power < value)
        {
            power *= 2;
        }

        return power;
    }
}
