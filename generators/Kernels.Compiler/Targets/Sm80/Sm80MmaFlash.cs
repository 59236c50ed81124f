using Kernels.Compiler.Emit;
using Kernels.Compiler.Emit.Text;

namespace Kernels.Compiler.Targets.Sm80;

/// <summary>Query rows whose keys and values lie in local memory as 16-bit elements; a quantised cache's become that there.</summary>
internal sealed class Sm80MmaFlash(KernelContext context, Sm80Tile tile) : Sm80Flash(context)
{
    public override TilePlan Tile => tile;

    public override string Template => "Sm80/mma";

    public override bool CanLeaveOutTiles => false;

    public override Holes Fill(Holes around) => new(base.Fill(around))
    {
        { "splits_keys", tile.WarpsAlongKeys > 1 },
        { "holds_queries", tile.Rows / tile.WarpsAlongRows / Sm80Planner.BlockRows * Spec.HeadDim <= 128 },
        { "warps_along_rows", tile.WarpsAlongRows },
        { "warps_along_keys", tile.WarpsAlongKeys },
        { "stages", tile.Stages },
        { "key_stride", Sm80Planner.Stride16(Spec.HeadDim) },
        { "value_stride", Sm80Planner.Stride16(Spec.ResolvedValueDim) },
        { "local_size", tile.LocalBytes / 16 },
    };
}
