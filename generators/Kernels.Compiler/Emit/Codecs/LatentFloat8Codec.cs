using Kernels.Compiler.Specs;

namespace Kernels.Compiler.Emit.Codecs;

/// <summary>The rows of <see cref="LatentFloat8Row"/>: what is loaded of them has been multiplied with its scale.</summary>
internal sealed class LatentFloat8Codec(AttentionSpec spec) : Codec
{
    private readonly Float8E4M3Codec elements = new();
    private readonly BFloat16Codec tail = new();

    public override string StorageType => "uchar";

    public override string DisplayName => $"float8 (e4m3) with a scale for each {LatentFloat8Row.GroupSize} elements of a value"
        + (HasTail ? ", the elements after it in bfloat16" : "");

    /// <summary>Whether there are elements after those of the value.</summary>
    public bool HasTail => spec.HeadDim > spec.ResolvedValueDim;

    public override string Constants => $"""
        #define SCALE_GROUP {LatentFloat8Row.GroupSize} // elements of a value that share a scale
        #define SCALES_AT {LatentFloat8Row.ScalesAt(spec.ResolvedValueDim)} // bytes of a row before its scales: an e4m3 for each element of the value
        {(HasTail ? $"#define TAIL_AT {LatentFloat8Row.TailAt(spec.ResolvedValueDim)} // bytes of a row before its elements after the value, in bfloat16\n" : "")}#define ROW_BYTES {LatentFloat8Row.Bytes(spec.HeadDim, spec.ResolvedValueDim)}
        """;

    public override string RowLength(string dim) => "ROW_BYTES";

    public override string LoadHelper(int width)
    {
        string v = Vector(width);
        string value = $"{elements.Load("row", "d", width)} * ((global const float*)(row + SCALES_AT))[d / SCALE_GROUP]";
        return elements.LoadHelper(width) + "\n\n" + (HasTail
            ? $$"""
                // {{What(width)}} of a row, as float32.
                static float{{v}} load_latent{{v}}(global const uchar* row, int d)
                {
                    if (d >= VALUE_DIM)
                    {
                        return {{tail.Load("(global const ushort*)(row + TAIL_AT)", "(d - VALUE_DIM)", width)}};
                    }
                    return {{value}};
                }
                """
            : $$"""
                // {{What(width)}} of a row, as float32.
                static float{{v}} load_latent{{v}}(global const uchar* row, int d)
                {
                    return {{value}};
                }
                """);
    }

    public override string Load(string row, string element, int width) => $"load_latent{Vector(width)}({row}, {element})";

    private static string What(int width) => width == 1 ? "Element d" : $"Elements d to d + {width - 1}";
}
