using Kernels.Compiler.Planning;

namespace Kernels.Compiler.Emit.Targets;

internal sealed class HopperRowsFlash(KernelContext context, HopperTile tile) : HopperFlash(context, tile)
{
    public override string Template => "Hopper/rows";
    protected override int ScoreColumns => Tile.Keys;
    protected override int OutputColumns => Spec.ResolvedValueDim;
    protected override string FirstKey => "";
}
