using Kernels.Compiler.Emit.Algorithms;
using Kernels.Compiler.Planning;
using Kernels.Compiler.Specs;

namespace Kernels.Compiler.Emit.Targets;

/// <summary>A CPU: one work-item does all the work of a tile, in explicit vectors, without local memory and barriers.</summary>
internal sealed class CpuTarget : Target
{
    public override string DisplayName => "cpu (one work-item owns a tile, in vectors of 16)";

    public override FlashSteps Flash(KernelContext context, FlashForm form) => form switch
    {
        FlashForm.Prefill => new CpuPrefill(context, (CpuTile)context.Plan.Prefill),
        _ when context.Plan.Decode is CpuTile tile => new CpuPrefill(context, tile),
        _ => new CpuDecode(context),
    };

    public override FlashSteps Variant(KernelContext context, TilePlan tile) => new CpuPrefill(context, (CpuTile)tile);
}
