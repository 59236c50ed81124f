using Kernels.Compiler.Emit;
using Kernels.Compiler.Specs;

namespace Kernels.Compiler.Targets.Nvidia;

/// <summary>NVIDIA GPUs of compute capability 8.0 and later: tensor cores and asynchronous copies through inline PTX.</summary>
internal sealed class NvidiaTarget : Target
{
    public override KernelTarget Kind => KernelTarget.Nvidia;

    public override string DisplayName => "nvidia (tensor cores through inline PTX, compute capability 8.0)";

    public override bool ScalesProducts => true;

    public override bool Supports(AttentionSpec spec) => NvidiaPlanner.Supports(spec);

    public override KernelPlan Plan(AttentionSpec spec) => NvidiaPlanner.Plan(spec);

    public override FlashSteps Flash(KernelContext context, TilePlan tile) => Mma(context, (NvidiaTile)tile);

    /// <summary>The kernel with mma.sync for a tile.</summary>
    public static FlashSteps Mma(KernelContext context, NvidiaTile tile) =>
        context.Cache.Scale != CacheScale.None && tile.WarpsAlongKeys > 1
        ? new NvidiaQuantisedFlash(context, tile)
        : new NvidiaMmaFlash(context, tile);
}
