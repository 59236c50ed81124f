using Kernels.Compiler.Emit;
using Kernels.Compiler.Emit.Text;

namespace Kernels.Compiler.Targets.Nvidia;

/// <summary>Few query rows over a quantised cache, whose elements become 16-bit elements in registers.</summary>
internal sealed class NvidiaQuantisedFlash(KernelContext context, NvidiaTile tile) : NvidiaFlash(context)
{
    public override TilePlan Tile => tile;

    public override string Template => "Nvidia/quantised";

    public override bool CanLeaveOutTiles => false;

    public override Holes Fill(Holes around) => new(base.Fill(around))
    {
        { "warps_along_keys", tile.WarpsAlongKeys },
        { "stages", tile.Stages },
        { "query_stride", NvidiaPlanner.Stride16(Spec.HeadDim) },
        { "local_size", tile.LocalBytes / 16 },
    };
}
