using Kernels.Compiler.Emit.Algorithms;
using Kernels.Compiler.Emit.Targets.Nvidia;
using Kernels.Compiler.Planning;

namespace Kernels.Compiler.Emit.Targets.Hopper;

/// <summary>NVIDIA GPUs of compute capability 9.0: asynchronous products of groups of warps. Kernels that have none of these are those of nvidia.</summary>
internal sealed class HopperTarget : Target
{
    public override string DisplayName => "hopper (asynchronous tensor-core products through inline PTX, compute capability 9.0)";

    public override FlashSteps Flash(KernelContext context, FlashForm form) =>
        (form == FlashForm.Prefill ? context.Plan.Prefill : context.Plan.Decode) switch
        {
            HopperTile tile => new HopperFlash(context, tile),
            NvidiaTile { CopyWarps: > 0 } tile => new HopperBulkFlash(context, tile),
            NvidiaTile tile => NvidiaTarget.Mma(context, tile),
            TilePlan tile => throw new ArgumentOutOfRangeException(nameof(context), tile, "No such tile on this target."),
        };
}
