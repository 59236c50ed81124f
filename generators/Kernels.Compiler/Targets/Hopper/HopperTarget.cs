using Kernels.Compiler.Emit;
using Kernels.Compiler.Specs;
using Kernels.Compiler.Targets.Nvidia;

namespace Kernels.Compiler.Targets.Hopper;

/// <summary>
/// NVIDIA GPUs of compute capability 9.0: asynchronous products of groups of warps. Kernels that have none of these are those of nvidia.
/// </summary>
internal sealed class HopperTarget : Target
{
    public override KernelTarget Kind => KernelTarget.Hopper;

    public override string DisplayName => "hopper (asynchronous tensor-core products through inline PTX, compute capability 9.0)";

    public override bool ScalesProducts => true;

    public override bool Supports(AttentionSpec spec) => HopperPlanner.Supports(spec);

    public override KernelPlan Plan(AttentionSpec spec) => HopperPlanner.Plan(spec);

    public override FlashSteps Flash(KernelContext context, TilePlan tile) => tile switch
    {
        HopperTile rows => new HopperFlash(context, rows),
        NvidiaTile { CopyWarps: > 0 } bulk => new HopperBulkFlash(context, bulk),
        NvidiaTile mma => NvidiaTarget.Mma(context, mma),
        _ => throw new ArgumentOutOfRangeException(nameof(tile), tile, "No such tile on this target."),
    };

    public override Target OwnerOf(AttentionSpec spec, KernelPlan plan, KernelAlgorithm algorithm)
    {
        TilePlan? tile = algorithm switch { KernelAlgorithm.Prefill => plan.Prefill, KernelAlgorithm.Decode => plan.Decode, _ => null };
        bool isOwn = tile is HopperTile or NvidiaTile { CopyWarps: > 0 };
        return isOwn || !NvidiaPlanner.Supports(spec) || HopperPlanner.ConvertsFloat8(spec) ? this : Of(KernelTarget.Nvidia);
    }
}
