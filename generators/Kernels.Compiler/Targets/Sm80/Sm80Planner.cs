using Kernels.Compiler.Specs;

namespace Kernels.Compiler.Targets.Sm80;

/// <summary>Tiles for the sm80 target.</summary>
internal static class Sm80Planner
{
    /// <summary>Rows of one block of a warp: the m of mma.m16n8k16.</summary>
    public const int BlockRows = 16;

    /// <summary>Keys of one block of a warp: the k of mma.m16n8k16.</summary>
    private const int BlockKeys = 16;

    // One is multiplied while the other is on its way.
    private const int FewestStages = 2;

    /// <summary>Local memory of a multiprocessor of compute capability 9.0; 8.0 has 164 KiB.</summary>
    public const int UnitLocalBytes = 227 * 1024;

    /// <summary>
    /// Local memory that every work-group can have: 99 KiB with compute capabilities 8.6, 8.9 and 12.0, more with others.
    /// </summary>
    public const int GroupLocalBytes = 99 * 1024;

    /// <summary>
    /// Whether tensor cores can do a spec's arithmetic: 16-bit queries and cache of the same type, dimensions of whole fragments.
    /// </summary>
    public static bool Supports(AttentionSpec spec)
    {
        // Of a quantised cache, whole pieces of 16 bytes are expanded.
        int whole = spec.ResolvedCacheStorage == ElementType.Int4 ? 32 : 16;
        return spec.Storage is ElementType.Float16 or ElementType.BFloat16
            && (HasFragments(spec) || (IsQuantised(spec) && !spec.LatentCache))
            && spec.HeadDim % whole == 0 && spec.ResolvedValueDim % whole == 0
            && spec.HeadDim <= 256 && spec.ResolvedValueDim <= 256;
    }

    /// <summary>Whether fragments can be made of a spec's elements as they are.</summary>
    public static bool HasFragments(AttentionSpec spec) =>
        spec.Storage is ElementType.Float16 or ElementType.BFloat16
        && spec.ResolvedCacheStorage == spec.Storage
        && spec.HeadDim % 16 == 0 && spec.ResolvedValueDim % 16 == 0;

    public static bool IsQuantised(AttentionSpec spec) =>
        spec.ResolvedCacheStorage is ElementType.Int8 or ElementType.Int4 or ElementType.Float8E4M3;

    /// <summary>The tiles of a spec.</summary>
    /// <param name="spec">One that is supported.</param>
    /// <param name="localBytes">Local memory that a work-group may take.</param>
    public static KernelPlan Plan(AttentionSpec spec, int localBytes = GroupLocalBytes)
    {
        // Two blocks of rows to a warp use a fragment of keys or values twice; wider heads have no registers for that.
        int widest = Math.Max(spec.HeadDim, spec.ResolvedValueDim);
        Sm80Tile prefill = Tile(
            spec, rows: widest <= 128 ? 128 : 64, warpsAlongRows: 4, warpsAlongKeys: 1,
            keys: widest <= 128 ? 64 : 32, stages: 2, localBytes);
        Sm80Tile decode = IsQuantised(spec)
            ? Tile(spec, rows: 16, warpsAlongRows: 1, warpsAlongKeys: 4, keys: 128, stages: 2, localBytes)
            : Tile(spec, rows: 16, warpsAlongRows: 1, warpsAlongKeys: 4, keys: 64, stages: 3, localBytes);
        return new KernelPlan(KernelTarget.Sm80, prefill, decode, AppendWorkGroupSize: 64, CombineWorkGroupSize: 64);
    }

    /// <summary>Elements of the cache in 16 bytes.</summary>
    public static int PieceElements(AttentionSpec spec) => spec.ResolvedCacheStorage switch
    {
        ElementType.Int4 => 32,
        ElementType.Int8 or ElementType.Float8E4M3 => 16,
        _ => 8,
    };

    /// <summary>
    /// 16-byte pieces between rows of a tile in local memory: odd, so that the eight rows that ldmatrix reads begin in different banks.
    /// </summary>
    public static int Stride16(int dim) => (dim / 8) | 1;

    /// <summary>Bytes of the scales of a tile's keys and values.</summary>
    public static int ScaleBytes(AttentionSpec spec, int keys) => spec.CacheScale == CacheScale.PerToken ? 2 * sizeof(float) * keys : 0;

    /// <summary>Bytes of the states of the warps along the keys when they are merged.</summary>
    public static int StateBytes(AttentionSpec spec, int rows, int warps) => 4 * warps * rows * (spec.ResolvedValueDim + 2);

    /// <summary>The tile that is asked for, or the largest below it whose local memory suffices.</summary>
    private static Sm80Tile Tile(
        AttentionSpec spec, int rows, int warpsAlongRows, int warpsAlongKeys, int keys, int stages, int localBytes)
    {
        // A quantised tile arrives as it is. In prefill, where many warps need it, it is expanded to one of 16-bit elements.
        int tile = 16 * keys * (Stride16(spec.HeadDim) + Stride16(spec.ResolvedValueDim));
        int bits = spec.ResolvedCacheStorage == ElementType.Int4 ? 4 : 8;
        (int stage, int expanded) = !IsQuantised(spec)
            ? (tile, 0)
            : ((keys * (spec.HeadDim + spec.ResolvedValueDim) * bits / 8) + ScaleBytes(spec, keys), warpsAlongKeys > 1 ? 0 : tile);
        int queries = (16 * rows * Stride16(spec.HeadDim)) + expanded;
        if (queries + (FewestStages * stage) > localBytes && keys > BlockKeys)
        {
            // A warp takes whole blocks of keys.
            return Tile(spec, rows, warpsAlongRows, Math.Min(warpsAlongKeys, keys / 2 / BlockKeys), keys / 2, stages, localBytes);
        }

        stages = Math.Max(FewestStages, Math.Min(stages, (localBytes - queries) / stage));

        // At the end the states of the warps along the keys use the same memory.
        int merge = warpsAlongKeys > 1 ? StateBytes(spec, rows, warpsAlongKeys) : 0;
        int local = Math.Max(queries + (stages * stage), merge);
        return new Sm80Tile(
            rows, keys, warpsAlongRows, warpsAlongKeys, stages, local,
            GroupsPerUnit: Math.Min(3, UnitLocalBytes / local));
    }
}
