using Kernels.Compiler.Specs;
using Kernels.Compiler.Targets.Sm80;

namespace Kernels.Compiler.Targets.Sm90;

/// <summary>Tiles for the sm90 target.</summary>
internal static class Sm90Planner
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
    /// Whether wgmma can do a spec's arithmetic: what sm80 can, in dimensions of whole panels; or a latent cache in 16 bits, whose values
    /// two groups share in whole panels.
    /// </summary>
    public static bool Supports(AttentionSpec spec) =>
        ConvertsFloat8(spec) || HasStrips(spec) || (HasPanels(spec) && (spec.LatentCache || Sm80Planner.Supports(spec)));

    /// <summary>
    /// Whether tiles of few query rows are copied in bulk: what sm80 can, where the cache has several tokens of a head one after the
    /// other. Copies of single rows are more instructions than a warp can issue in time.
    /// </summary>
    private static bool HasStrips(AttentionSpec spec) =>
        Sm80Planner.Supports(spec) && !spec.LatentCache && spec.Layout == KvLayout.Hnd && (spec.PageSize is 0 or >= 8)
        && spec.HeadDim % WholeColumns(spec) == 0 && spec.ResolvedValueDim % WholeColumns(spec) == 0;

    /// <summary>Elements that a warp reads at a time as whole pieces: four of a key, or eight half pieces of a value.</summary>
    private static int WholeColumns(AttentionSpec spec) => Math.Max(64, 4 * Sm80Planner.PieceElements(spec));

    /// <summary>Whether kernels are sm80's, but for an instruction that makes float16 of float8.</summary>
    public static bool ConvertsFloat8(AttentionSpec spec) =>
        spec.ResolvedCacheStorage == ElementType.Float8E4M3 && spec.Storage == ElementType.Float16 && Sm80Planner.Supports(spec);

    private static bool HasPanels(AttentionSpec spec) =>
        Sm80Planner.HasFragments(spec)
            && spec.HeadDim % Panel == 0
            && spec.ResolvedValueDim % (spec.LatentCache ? 2 * Panel : Panel) == 0;

    public static KernelPlan Plan(AttentionSpec spec)
    {
        KernelPlan plan = Sm80Planner.Plan(spec, TwoGroupLocalBytes) with { Target = KernelTarget.Sm90 };
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
    private static Sm80Tile StripTile(AttentionSpec spec)
    {
        const int rows = Sm80Planner.BlockRows, warps = 4, copyPieces = 256;
        int keyPieces = spec.HeadDim / Sm80Planner.PieceElements(spec),
            valuePieces = spec.ResolvedValueDim / Sm80Planner.PieceElements(spec);
        int keys = Math.Max(keyPieces, valuePieces) * 64 / Strips >= copyPieces ? 64 : 128;
        int stage = (16 * keys * (keyPieces + valuePieces)) + Sm80Planner.ScaleBytes(spec, keys);
        int queries = 16 * rows * Sm80Planner.Stride16(spec.HeadDim);
        int stages = 2 * (queries + (3 * stage) + DriverLocalBytes) <= Sm80Planner.UnitLocalBytes ? 3 : 2;
        int local = Math.Max(queries + (stages * stage), Sm80Planner.StateBytes(spec, rows, warps));
        return new Sm80Tile(
            rows, keys, WarpsAlongRows: 1, warps, stages, local,
            GroupsPerUnit: Math.Min(3, Sm80Planner.UnitLocalBytes / local), CopyWarps: 1);
    }

    /// <summary>64 rows, whose outputs are the registers of two groups; as many keys as one panel of probabilities has.</summary>
    private static Sm90Tile LatentTile(AttentionSpec spec)
    {
        const int rows = 64;
        int local = (2 * spec.HeadDim * (rows + (Stages * Panel))) + (2 * rows * Panel) + (2 * 4 * rows) + (Stages * 2 * 8);
        return new Sm90Tile(rows, Groups: 2, Keys: Panel, Stages, local);
    }

    /// <summary>The tile with the most keys for which there are registers and local memory; more than 160 gain nothing.</summary>
    private static Sm90Tile Tile(AttentionSpec spec, int rowGroups)
    {
        const int mostKeys = 160, blockKeys = 16;
        int keys = mostKeys;
        while (RegistersOfRows(keys) > (rowGroups == 2 ? 184 : 128) || LocalBytes(keys) > UnitLocalBytes)
        {
            keys -= blockKeys;
        }

        return new Sm90Tile(64 * rowGroups, rowGroups, keys, Stages, LocalBytes(keys));

        // Of a work-item: scores, outputs, and the probabilities of the tile before in 16 bits.
        int RegistersOfRows(int keys) => (keys / 2) + (spec.ResolvedValueDim / 2) + (keys / 4);

        int LocalBytes(int keys) =>
            (2 * 64 * rowGroups * spec.HeadDim) + (Stages * 2 * keys * (spec.HeadDim + spec.ResolvedValueDim)) + (Stages * 4 * 8);
    }
}
