using Kernels.Compiler.Emit;
using Kernels.Compiler.Specs;

namespace Kernels.Compiler.Targets.Sm80;

/// <summary>NVIDIA GPUs of compute capability 8.0 and later: tensor cores and asynchronous copies through inline PTX.</summary>
internal sealed class Sm80Target : Target
{
    public override KernelTarget Kind => KernelTarget.Sm80;

    public override string DisplayName => "sm80 (tensor cores through inline PTX, compute capability 8.0)";

    public override bool ScalesProducts => true;

    public override bool Supports(AttentionSpec spec) => Sm80Planner.Supports(spec);

    public override KernelPlan Plan(AttentionSpec spec) => Sm80Planner.Plan(spec);

    public override FlashSteps Flash(KernelContext context, TilePlan tile) => Mma(context, (Sm80Tile)tile);

    /// <summary>The kernel with mma.sync for a tile.</summary>
    public static FlashSteps Mma(KernelContext context, Sm80Tile tile) =>
        context.Cache.Scale != CacheScale.None && tile.WarpsAlongKeys > 1
        ? new Sm80QuantisedFlash(context, tile)
        : new Sm80MmaFlash(context, tile);
}
