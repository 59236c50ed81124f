using Kernels.Compiler.Emit.Text;

namespace Kernels.Compiler.Emit.Algorithms;

/// <summary>Merges finished outputs of the same queries over different keys.</summary>
internal static class MergeAlgorithm
{
    public static string Write(KernelContext context) => new KernelText().Render("Common/merge", new(context.Holes)
    {
        { "entry", KernelEntryPoint.Of(KernelAlgorithm.Merge) },
        { "parameters", KernelParameters.Of(context, KernelAlgorithm.Merge) },
    });
}
