using Kernels.Compiler.Emit;
using Kernels.Compiler.Emit.Text;
using Kernels.Compiler.Specs;

namespace Kernels.Compiler.Targets.Cpu;

/// <summary>What both forms of the cpu target share.</summary>
internal abstract class CpuFlash(KernelContext context) : FlashSteps
{
    protected AttentionSpec Spec => context.Spec;

    protected KernelContext Context => context;

    public override Holes Fill(Holes around) => new(around)
    {
        // Widths in which rows of the cache are loaded: single elements only at the end of a row.
        { "load_widths", Widths(Spec.HeadDim).Concat(Widths(Spec.ResolvedValueDim)).Distinct() },
    };

    private static IEnumerable<int> Widths(int dim) => [dim >= 16 ? 16 : 1, dim % 16 == 0 ? 16 : 1];
}
