using Kernels.Compiler.Emit.Text;
using Kernels.Compiler.Specs;

namespace Kernels.Compiler.Emit.Algorithms;

/// <summary>Classifies tiles of keys by the mask, for a block mask.</summary>
internal static class ClassifyAlgorithm
{
    public static string Write(KernelContext context)
    {
        ModFunction mask = context.Spec.MaskMod!;
        int lanes = context.Target.ScoreLanes;
        return new KernelText().Render("Common/classify_tiles", new(context.Holes)
        {
            { "lanes", lanes },
            { "width", lanes == 1 ? "" : C.Int(lanes) },
            { "lanes_any", lanes == 1 ? "((x) != 0)" : "any(x)" },
            { "lane_numbers", lanes == 1 ? "0" : $"(lanes_int)({string.Join(", ", Enumerable.Range(0, lanes).Select(C.Int))})" },
            { "makes_rows", true },

            // Of the functions on scores it calls is_visible only.
            { "transforms", false },
            { "mod_sources", [mask.Source.TrimEnd()] },
            { "int_buffers", mask.Inputs.Any(input => input.Type == ModInputType.IntBuffer) },
            { "float_buffers", mask.Inputs.Any(input => input.Type == ModInputType.FloatBuffer) },
            { "entry", KernelEntryPoint.Of(KernelAlgorithm.ClassifyTiles) },
            { "parameters", KernelParameters.Of(context, KernelAlgorithm.ClassifyTiles) },
        });
    }
}
