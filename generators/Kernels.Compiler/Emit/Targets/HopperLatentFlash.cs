using Kernels.Compiler.Planning;

namespace Kernels.Compiler.Emit.Targets;

internal sealed class HopperLatentFlash(KernelContext context, HopperTile tile) : HopperFlash(context, tile)
{
    public override string Template => "Hopper/latent";
    public override bool CallsValueRow => false;
    protected override int ScoreColumns => Tile.Keys / 2;
    protected override int OutputColumns => Spec.ResolvedValueDim / 2;
    protected override string FirstKey => "";

    protected override string FirstColumn => "group * (VALUE_DIM / 2) + ";

    protected override string OneWorkItemOfRow => "group == 0 && lane % 4 == 0";

    protected override string AfterStores => "row_barrier(); // one group stores the LSEs of both";
}
