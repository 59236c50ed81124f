using Kernels.Compiler.Specs;

namespace Kernels.Compiler.Emit.Scores;

/// <summary>The names in which score rules and mods are written, for one score at a time or for a vector of them.</summary>
internal static class LaneVocabulary
{
    /// <summary>Declares the vocabulary for <paramref name="lanes"/> scores at a time.</summary>
    /// <param name="writer">Where to.</param>
    /// <param name="lanes">1, or the width of an OpenCL vector.</param>
    /// <param name="spec">Decides whether the parts that only mods use are needed.</param>
    public static void Declare(CodeWriter writer, int lanes, AttentionSpec spec)
    {
        string width = lanes == 1 ? "" : C.Int(lanes);
        writer.Add($"""
            typedef float{width} lanes_float;{(lanes == 1 ? "" : " // a value for each query row")}
            typedef int{width} lanes_int;
            #define lanes_select(if_false, if_true, condition) ((condition) ? (if_true) : (if_false))
            #define convert_lanes_float convert_float{width}
            """);
        if (spec.ScoreMod is null && spec.MaskMod is null)
        {
            writer.Line();
            return;
        }

        writer.Add($"""
            typedef uint{width} lanes_uint;
            #define convert_lanes_int convert_int{width}_rtz
            #define as_lanes_int as_int{width}
            #define as_lanes_uint as_uint{width}
            #define as_lanes_float as_float{width}
            """);
        writer.Line();
        if (spec.ModInputs.Count == 0)
        {
            return;
        }

        foreach (string type in new[] { "int", "float" })
        {
            writer.Open($"static lanes_{type} lanes_gather_{type}(global const {type}* buffer, lanes_int index)");
            writer.Add(lanes == 1
                ? "return buffer[index];"
                : $"return (lanes_{type})({string.Join(", ", Enumerable.Range(0, lanes).Select(i => $"buffer[index.s{"0123456789abcdef"[i]}]"))});");
            writer.Close().Line();
        }
    }
}
