using Kernels.Compiler.Specs;

namespace Kernels.Compiler.Targets.Cpu;

/// <summary>
/// Tiles for the cpu target: one work-item owns a tile, and everything that it keeps is in its private memory. No local
/// memory, no barriers.
/// </summary>
internal static class CpuPlanner
{
    /// <summary>Lanes of the vectors.</summary>
    public const int Lanes = KernelContract.CpuLanes;

    // More rows than this keep the lanes full as rows; they need no sums over lanes.
    private const int MostDecodeRows = 8;

    // Of the first-level cache, 32 to 48 KiB: a tile's rows of a head. Larger tiles have fewer sums to rescale. Of rows that are not
    // converted, and so used as fast as they arrive, what is on its way for the next tile fits too; likewise of a head's rows in pages,
    // each of which has an address to be translated.
    private const int DecodeTileBytes = 32 << 10;
    private const int SmallTileBytes = 16 << 10;

    // More heads of a work-item gain nothing, and leave less to share out over cores; queries and outputs of them all stay in the
    // second-level cache.
    private const int MostHeads = 8;
    private const int HeadStateBytes = 64 << 10;

    public static KernelPlan Plan(AttentionSpec spec)
    {
        // Four vectors of rows use an element of a key or value four times; with six keys at a time, 24 sums leave registers for what
        // they are made of. With many keys sums of the output are loaded and stored seldom; of very long rows few stay in the caches.
        int widest = Math.Max(spec.HeadDim, spec.ResolvedValueDim);
        int keys = widest <= 128 ? 64 : widest <= 256 ? 32 : 16;

        // Tiles that a mask mod hides are left out whole, and of those at an edge half is calculated for nothing.
        var prefill = new CpuTile(RowVectors: 4, AtOnce: 6, widest <= 256 && spec.MaskMod is null ? 96 : 48);

        // Fewer rows of many positions have fewer idle on the diagonal; fewer sums suffice where an addition takes less time.
        CpuTile[] others = [new(RowVectors: 2, AtOnce: 8, keys), new(RowVectors: 4, AtOnce: 4, keys)];
        int rows = TilePlan.PowerOfTwoAtLeast(spec.GroupSize);
        TilePlan decode = rows <= MostDecodeRows ? FewRows(spec, rows, prefill.GroupsPerUnit)
            : rows <= Lanes ? new CpuTile(RowVectors: 1, AtOnce: 16, keys)
            : prefill;
        return new KernelPlan(KernelTarget.Cpu, prefill, decode, AppendWorkGroupSize: 1, CombineWorkGroupSize: 1)
        {
            PrefillVariants = others,
        };
    }

    private static TilePlan FewRows(AttentionSpec spec, int rows, int itemsPerUnit)
    {
        int heads = HeadsTogether(spec, rows);
        return new TilePlan(rows, DecodeKeys(spec, heads), ThreadsX: 1, ThreadsY: 1, LocalBytes: 0, itemsPerUnit) { KvHeads = heads };
    }

    /// <summary>
    /// KV heads that a work-item with few rows has: several where their rows of a token lie close together, since what is read one after
    /// the other in memory arrives sooner and needs fewer addresses translated.
    /// </summary>
    private static int HeadsTogether(AttentionSpec spec, int rows)
    {
        bool areClose = spec.Layout == KvLayout.Nhd || spec.PageSize > 0;

        // Equal splits of any batch are long: with the heads apart, there is work for more cores.
        if (!areClose || spec.LatentCache || spec.Deterministic)
        {
            return 1;
        }

        int bytes = rows * (spec.HeadDim + spec.ResolvedValueDim) * sizeof(float);
        return Enumerable.Range(1, MostHeads).Last(heads => spec.KvHeads % heads == 0 && (heads == 1 || heads * bytes <= HeadStateBytes));
    }

    /// <summary>Keys that a tile of few rows reads at a time: a power of two, at least a vector's lanes.</summary>
    private static int DecodeKeys(AttentionSpec spec, int heads)
    {
        bool isSmall = heads == 1 && (spec.ResolvedCacheStorage.BitsPerElement() == 32 || spec.PageSize > 0);
        int most = isSmall ? SmallTileBytes : DecodeTileBytes;
        int elements = spec.HeadDim + (spec.LatentCache ? 0 : spec.ResolvedValueDim),
            bits = spec.ResolvedCacheStorage.BitsPerElement(),
            keys = 64;
        while (keys > Lanes && keys * elements * bits / 8 > most)
        {
            keys /= 2;
        }

        return keys;
    }
}
