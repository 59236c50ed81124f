using Kernels.Compiler.Specs;

namespace Kernels.Compiler.Planning;

/// <summary>A tile for wgmma: groups of four warps that multiply, and one more that copies keys and values for them.</summary>
internal sealed record HopperTile(int Rows, int Groups, int Keys, int Stages, int LocalBytes)
    : TilePlan(Rows, Keys, ThreadsX: 128, ThreadsY: Groups + 1, LocalBytes, GroupsPerUnit: 1)
{
    /// <summary>Registers of a work-item that copies, after it has given the others back; a multiple of 8.</summary>
    public int CopyRegisters => Groups == 2 ? 40 : 32;

    /// <summary>Registers of a work-item that holds rows, after it has taken those; with the copying ones no more than the 65536 of a multiprocessor.</summary>
    public int RowRegisters => Groups == 2 ? 232 : 160;
}

/// <summary>Tiles for the hopper target.</summary>
internal static class HopperPlanner
{
    /// <summary>Columns of a panel: 128 bytes of 16-bit elements, the widest pattern in which wgmma reads local memory.</summary>
    private const int Panel = 64;

    /// <summary>Tiles of keys and values in local memory.</summary>
    private const int Stages = 2;

    /// <summary>Local memory that a work-group can have, less what the driver takes.</summary>
    private const int UnitLocalBytes = (227 * 1024) - 4;

    /// <summary>Whether wgmma can do a spec's arithmetic: what nvidia can, in dimensions of whole panels; or a latent cache in 16 bits, whose values two groups share in whole panels.</summary>
    public static bool Supports(AttentionSpec spec) => spec.HeadDim % Panel == 0 && (spec.LatentCache
        ? NvidiaPlanner.HasFragments(spec) && spec.ResolvedValueDim % (2 * Panel) == 0
        : NvidiaPlanner.Supports(spec) && spec.ResolvedValueDim % Panel == 0);

    public static KernelPlan Plan(AttentionSpec spec)
    {
        KernelPlan plan = NvidiaPlanner.Plan(spec) with { Target = KernelTarget.Hopper };
        return spec.LatentCache
            ? plan with { Prefill = LatentTile(spec), Decode = LatentTile(spec) }
            : plan with { Prefill = Tile(spec, rowGroups: Math.Max(spec.HeadDim, spec.ResolvedValueDim) <= 64 ? 3 : 2) };
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

        int LocalBytes(int keys) => (2 * 64 * rowGroups * spec.HeadDim) + (Stages * 2 * keys * (spec.HeadDim + spec.ResolvedValueDim)) + (Stages * 4 * 8);
    }
}
