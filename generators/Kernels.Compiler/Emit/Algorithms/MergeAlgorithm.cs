using Kernels.Compiler.Emit.Scores;

namespace Kernels.Compiler.Emit.Algorithms;

/// <summary>Merges finished outputs of the same queries over different keys.</summary>
internal static class MergeAlgorithm
{
    public static void Write(CodeWriter writer, KernelContext context) => writer.Render("Common/merge", new(context.Holes)
    {
        { "end_of_parameters", KernelInput.EndOfParameters(context.Spec.Sinks ? [KernelInput.Sinks] : []) },
    });
}
