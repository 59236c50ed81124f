using Kernels.Compiler.Emit.Scores;

namespace Kernels.Compiler.Emit.Algorithms;

/// <summary>Merges finished outputs of the same queries over different keys.</summary>
internal static class MergeAlgorithm
{
    public static void Write(CodeWriter writer, KernelContext context) => writer.Render("Common/merge", new(context.Holes)
    {
        { "entry", KernelEntryPoint.Of(KernelAlgorithm.Merge) },
        { "parameters", KernelParameters.Of(context, KernelAlgorithm.Merge) },
    });
}
