using Kernels.Compiler.Emit;
using Kernels.Compiler.Specs;

namespace Kernels.Compiler.Targets.Cpu;

/// <summary>A CPU: one work-item does all the work of a tile, in explicit vectors, without local memory and barriers.</summary>
internal sealed class CpuTarget : Target
{
    public override KernelTarget Kind => KernelTarget.Cpu;

    public override string DisplayName => "cpu (one work-item owns a tile, in vectors of 16)";

    public override int ScoreLanes => CpuPlanner.Lanes;

    public override KernelPlan Plan(AttentionSpec spec) => CpuPlanner.Plan(spec);

    public override FlashSteps Flash(KernelContext context, TilePlan tile) =>
        tile is CpuTile rows ? new CpuPrefill(context, rows) : new CpuDecode(context);
}
