using Kernels.Compiler.Emit;
using Kernels.Compiler.Emit.Text;

namespace Kernels.Compiler.Targets.Nvidia;

/// <summary>Query rows whose keys and values lie in local memory as 16-bit elements; a quantised cache's become that there.</summary>
internal sealed class NvidiaMmaFlash(KernelContext context, NvidiaTile tile) : NvidiaFlash(context)
{
    public override TilePlan Tile => tile;

    public override string Template => "Nvidia/mma";

    public override bool CanLeaveOutTiles => false;

    public override Holes Fill(Holes around) => new(base.Fill(around))
    {
        { "splits_keys", tile.WarpsAlongKeys > 1 },
        { "holds_queries", tile.Rows / tile.WarpsAlongRows / NvidiaPlanner.BlockRows * Spec.HeadDim <= 128 },
        { "warps_along_rows", tile.WarpsAlongRows },
        { "warps_along_keys", tile.WarpsAlongKeys },
        { "stages", tile.Stages },
        { "key_stride", NvidiaPlanner.Stride16(Spec.HeadDim) },
        { "value_stride", NvidiaPlanner.Stride16(Spec.ResolvedValueDim) },
        { "local_size", tile.LocalBytes / 16 },
    };
}
