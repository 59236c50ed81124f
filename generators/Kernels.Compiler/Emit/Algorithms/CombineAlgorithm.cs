using Kernels.Compiler.Emit.Text;

namespace Kernels.Compiler.Emit.Algorithms;

/// <summary>Merges the partial states of a row's splits.</summary>
internal static class CombineAlgorithm
{
    public static string Write(KernelContext context) => new KernelText().Render("Common/combine", new(context.Holes)
    {
        { "max_splits", KernelContract.MaxSplits },
        { "entry", KernelEntryPoint.Of(KernelAlgorithm.Combine) },
        { "parameters", KernelParameters.Of(context, KernelAlgorithm.Combine) },
    });
}
