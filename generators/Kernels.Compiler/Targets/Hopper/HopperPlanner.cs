using Kernels.Compiler.Specs;
using Kernels.Compiler.Targets.Nvidia;

namespace Kernels.Compiler.Targets.Hopper;

/// <summary>Tiles for the hopper target.</summary>
internal static class HopperPlanner
{
    /// <summary>Strips of consecutive keys in which a tile of few query rows is copied.</summary>
    public const int Strips = 8;

    /// <summary>Columns of a panel: 128 bytes of 16-bit elements, the widest pattern in which wgmma reads local memory.</summary>
    private const int Panel = 64;

    /// <summary>Tiles of keys and values in local memory.</summary>
    private const int Stages = 2;

    /// <summary>Local memory of each work-group that the driver takes, and its barriers.</summary>
    private const int DriverLocalBytes = 1024 + 128;

    /// <summary>Local memory that a work-group can have, less what the driver takes.</summary>
    private const int UnitLocalBytes = (227 * 1024) - 4;

    // Two work-groups share a multiprocessor.
    private const int TwoGroupLocalBytes = 112 * 1024;

    /// <summary>
    /// Whether wgmma can do a spec's arithmetic: what nvidia can, in dimensions of whole panels; or a latent cache in 16 bits, whose values
    /// two groups share in whole panels.
    /// </summary>
    public static bool Supports(AttentionSpec spec) =>
        ConvertsFloat8(spec) || HasStrips(spec) || (HasPanels(spec) && (spec.LatentCache || NvidiaPlanner.Supports(spec)));

    /// <summary>
    /// Whether tiles of few query rows are copied in bulk: what nvidia can, where the cache has several tokens of a head one after the
    /// other. Copies of single rows are more instructions than a warp can issue in time.
    /// </summary>
    private static bool HasStrips(AttentionSpec spec) =>
        NvidiaPlanner.Supports(spec) && !spec.LatentCache && spec.Layout == KvLayout.Hnd && (spec.PageSize is 0 or >= 8)
        && spec.HeadDim % WholeColumns(spec) == 0 && spec.ResolvedValueDim % WholeColumns(spec) == 0;

    /// <summary>Elements that a warp reads at a time as whole pieces: four of a key, or eight half pieces of a value.</summary>
    private static int WholeColumns(AttentionSpec spec) => Math.Max(64, 4 * NvidiaPlanner.PieceElements(spec));

    /// <summary>Whether kernels are nvidia's, but for an instruction that makes float16 of float8.</summary>
    public static bool ConvertsFloat8(AttentionSpec spec) =>
        spec.ResolvedCacheStorage == ElementType.Float8E4M3 && spec.Storage == ElementType.Float16 && NvidiaPlanner.Supports(spec);

    private static bool HasPanels(AttentionSpec spec) =>
        NvidiaPlanner.HasFragments(spec)
            && spec.HeadDim % Panel == 0
            && spec.ResolvedValueDim % (spec.LatentCache ? 2 * Panel : Panel) == 0;

    public static KernelPlan Plan(AttentionSpec spec)
    {
        KernelPlan plan = NvidiaPlanner.Plan(spec, TwoGroupLocalBytes) with { Target = KernelTarget.Hopper };
        if (spec.LatentCache)
        {
            return plan with { Prefill = LatentTile(spec), Decode = LatentTile(spec) };
        }

        return plan with
        {
            Prefill = HasPanels(spec) ? Tile(spec, rowGroups: Math.Max(spec.HeadDim, spec.ResolvedValueDim) <= 64 ? 3 : 2) : plan.Prefill,
            Decode = HasStrips(spec) ? StripTile(spec) : plan.Decode,
        };
    }

    /// <summary>
    /// Few rows: as many keys as make copies of 4 KiB, 128 at most, and three tiles in local memory where it has room for those of two
    /// work-groups. One alone has two: more copies on their way only make the first ones of the next work-group wait.
    /// </summary>
    private static NvidiaTile StripTile(AttentionSpec spec)
    {
        const int rows = NvidiaPlanner.BlockRows, warps = 4, copyPieces = 256;
        int keyPieces = spec.HeadDim / NvidiaPlanner.PieceElements(spec),
            valuePieces = spec.ResolvedValueDim / NvidiaPlanner.PieceElements(spec);
        int keys = Math.Max(keyPieces, valuePieces) * 64 / Strips >= copyPieces ? 64 : 128;
        int stage = (16 * keys * (keyPieces + valuePieces)) + NvidiaPlanner.ScaleBytes(spec, keys);
        int queries = 16 * rows * NvidiaPlanner.Stride16(spec.HeadDim);
        int stages = 2 * (queries + (3 * stage) + DriverLocalBytes) <= NvidiaPlanner.UnitLocalBytes ? 3 : 2;
        int local = Math.Max(queries + (stages * stage), NvidiaPlanner.StateBytes(spec, rows, warps));
        return new NvidiaTile(
            rows, keys, WarpsAlongRows: 1, warps, stages, local,
            GroupsPerUnit: Math.Min(3, NvidiaPlanner.UnitLocalBytes / local), CopyWarps: 1);
    }

    /// <summary>64 rows, whose outputs are the registers of two groups; as many keys as one panel of probabilities has.</summary>
    private static HopperTile LatentTile(AttentionSpec spec)
    {
        const int rows = 64;
        int local = (2 * spec.HeadDim * (rows + (Stages * Panel))) + (2 * rows * Panel) + (2 * 4 * rows) + (Stages * 2 * 8);
        return new HopperTile(rows, Groups: 2, Keys: Panel, Stages, local);
    }

    /// <summary>The tile with the most keys for which there are registers and local memory; more than 160 gain nothing.</summary>
    private static HopperTile Tile(AttentionSpec spec, int rowGroups)
    {
        const int mostKeys = 160, blockKeys = 16;
        int keys = mostKeys;
        while (RegistersOfRows(keys) > (rowGroups == 2 ? 184 : 128) || LocalBytes(keys) > UnitLocalBytes)
        {
            keys -= blockKeys;
        }

        return new HopperTile(64 * rowGroups, rowGroups, keys, Stages, LocalBytes(keys));

        // Of a work-item: scores, outputs, and the probabilities of the tile before in 16 bits.
        int RegistersOfRows(int keys) => (keys / 2) + (spec.ResolvedValueDim / 2) + (keys / 4);

        int LocalBytes(int keys) =>
            (2 * 64 * rowGroups * spec.HeadDim) + (Stages * 2 * keys * (spec.HeadDim + spec.ResolvedValueDim)) + (Stages * 4 * 8);
    }
}
