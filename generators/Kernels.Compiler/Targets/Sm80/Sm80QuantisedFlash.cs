using Kernels.Compiler.Emit;
using Kernels.Compiler.Emit.Text;

namespace Kernels.Compiler.Targets.Sm80;

/// <summary>Few query rows over a quantised cache, whose elements become 16-bit elements in registers.</summary>
internal sealed class Sm80QuantisedFlash(KernelContext context, Sm80Tile tile) : Sm80Flash(context)
{
    public override TilePlan Tile => tile;

    public override string Template => "Sm80/quantised";

    public override bool CanLeaveOutTiles => false;

    public override Holes Fill(Holes around) => new(base.Fill(around))
    {
        { "warps_along_keys", tile.WarpsAlongKeys },
        { "stages", tile.Stages },
        { "query_stride", Sm80Planner.Stride16(Spec.HeadDim) },
        { "local_size", tile.LocalBytes / 16 },
    };
}
