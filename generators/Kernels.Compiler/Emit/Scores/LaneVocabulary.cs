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
            typedef float{width} lanes_float;
            typedef int{width} lanes_int;
            #define lanes_select(if_false, if_true, condition) ((condition) ? (if_true) : (if_false))
            #define convert_lanes_float convert_float{width}
            """);
        if (spec.Bias)
        {
            writer.Add($"""
                typedef long{width} lanes_long;
                #define convert_lanes_long convert_long{width}
                """);
        }

        bool mods = spec.ScoreMod is not null || spec.MaskMod is not null;
        if (mods)
        {
            writer.Add($"""
                typedef uint{width} lanes_uint;
                #define convert_lanes_int convert_int{width}_rtz
                #define as_lanes_int as_int{width}
                #define as_lanes_uint as_uint{width}
                #define as_lanes_float as_float{width}
                """);
        }

        writer.Line();
        bool modInputs = mods && spec.ModInputs.Count > 0;
        if (modInputs || spec.Documents)
        {
            Gather("int", "lanes_gather_int(global const int* buffer, lanes_int index)", "buffer[index{0}]");
        }

        if (modInputs)
        {
            Gather("float", "lanes_gather_float(global const float* buffer, lanes_int index)", "buffer[index{0}]");
        }

        if (spec.KeyPadding)
        {
            Gather("int", "lanes_gather_byte(global const uchar* buffer, lanes_int index)", "buffer[index{0}]");
        }

        if (spec.Bias)
        {
            Gather("float", "lanes_gather_at(global const float* buffer, lanes_long row, lanes_int column)", "buffer[row{0} + column{0}]");
        }

        void Gather(string type, string function, string element)
        {
            writer.Open($"static lanes_{type} {function}");
            writer.Add(lanes == 1
                ? $"return {Element("")};"
                : $"return (lanes_{type})({string.Join(", ", Enumerable.Range(0, lanes).Select(i => Element(".s" + "0123456789abcdef"[i])))});");
            writer.Close().Line();

            string Element(string lane) => element.Replace("{0}", lane);
        }
    }
}
