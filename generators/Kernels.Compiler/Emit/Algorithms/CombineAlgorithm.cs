using Kernels.Compiler.Emit.Scores;

namespace Kernels.Compiler.Emit.Algorithms;

/// <summary>Merges the partial states of a row's splits.</summary>
internal static class CombineAlgorithm
{
    public static void Write(CodeWriter writer, KernelContext context) => writer.Render("Common/combine", new(context.Holes)
    {
        { "max_splits", 256 },
        { "end_of_parameters", KernelInput.EndOfParameters(context.Spec.Sinks ? [KernelInput.Sinks] : [], " // where the rows to merge begin in the plan") },
    });
}
