using Kernels.Compiler.Emit.Algorithms;
using Kernels.Compiler.Planning;

namespace Kernels.Compiler.Emit.Targets.Nvidia;

/// <summary>NVIDIA GPUs of compute capability 8.0 and later: tensor cores and asynchronous copies through inline PTX.</summary>
internal sealed class NvidiaTarget : Target
{
    public override string DisplayName => "nvidia (tensor cores through inline PTX, compute capability 8.0)";

    public override FlashSteps Flash(KernelContext context, FlashForm form) =>
        Mma(context, (NvidiaTile)(form == FlashForm.Prefill ? context.Plan.Prefill : context.Plan.Decode));

    /// <summary>The form with mma.sync for a tile.</summary>
    public static FlashSteps Mma(KernelContext context, NvidiaTile tile) =>
        context.Cache.Scale != CacheScale.None && tile.WarpsAlongKeys > 1 ? new NvidiaQuantisedFlash(context, tile) : new NvidiaMmaFlash(context, tile);
}
