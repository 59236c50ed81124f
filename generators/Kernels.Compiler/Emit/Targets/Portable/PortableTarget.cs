using Kernels.Compiler.Emit.Algorithms;
using Kernels.Compiler.Planning;

namespace Kernels.Compiler.Emit.Targets.Portable;

/// <summary>OpenCL C 1.2 without extensions, for every device.</summary>
internal sealed class PortableTarget : Target
{
    public override string DisplayName => "portable (OpenCL C 1.2, no extensions)";

    public override FlashSteps Flash(KernelContext context, FlashForm form) =>
        Variant(context, form == FlashForm.Prefill ? context.Plan.Prefill : context.Plan.Decode);

    public override FlashSteps Variant(KernelContext context, TilePlan tile) => tile switch
    {
        PortablePieceTile pieces => new PortablePieces(context, pieces),
        PortableSliceTile slices => new PortableSlices(context, slices),
        _ => new PortableGrid(context, tile),
    };
}
