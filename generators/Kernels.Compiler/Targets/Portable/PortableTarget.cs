using Kernels.Compiler.Emit;
using Kernels.Compiler.Specs;

namespace Kernels.Compiler.Targets.Portable;

/// <summary>OpenCL C 1.2 without extensions, for every device.</summary>
internal sealed class PortableTarget : Target
{
    public override KernelTarget Kind => KernelTarget.Portable;

    public override string DisplayName => "portable (OpenCL C 1.2, no extensions)";

    public override KernelPlan Plan(AttentionSpec spec) => PortablePlanner.Plan(spec);

    public override FlashSteps Flash(KernelContext context, TilePlan tile) => tile switch
    {
        PortablePieceTile pieces => new PortablePieces(context, pieces),
        PortableSliceTile slices => new PortableSlices(context, slices),
        _ => new PortableGrid(context, tile),
    };
}
