namespace Kernels.Compiler.Emit.Codecs;

/// <summary>An element type that stores numbers as they are: one that queries, keys, values and outputs can have.</summary>
internal abstract class PlainCodec : Codec
{
    public static PlainCodec For(ElementType type) => type switch
    {
        ElementType.Float32 => new Float32Codec(),
        ElementType.Float16 => new Float16Codec(),
        ElementType.BFloat16 => new BFloat16Codec(),
        _ => throw new ArgumentOutOfRangeException(nameof(type), type, "Numbers cannot be stored in this type without a scale."),
    };

    /// <summary>A helper function that stores call, or nothing.</summary>
    public virtual string StoreHelper => "";

    /// <summary>A statement that stores the float expression <paramref name="value"/> at <paramref name="pointer"/>, rounding to nearest even.</summary>
    public abstract string Store(string pointer, string value);

    /// <summary>A statement that stores the float4 expression <paramref name="value"/> at <paramref name="pointer"/>.</summary>
    public string Store4(string pointer, string value) => StoreVector(pointer, value, 4);

    /// <summary>A statement that stores the float16 variable <paramref name="value"/> at <paramref name="pointer"/>.</summary>
    public string Store16(string pointer, string value) => StoreVector(pointer, value, 16);

    protected abstract string StoreVector(string pointer, string value, int width);
}

internal sealed class Float32Codec : PlainCodec
{
    public override string StorageType => "float";

    public override string DisplayName => "float32";

    public override Piece Piece => new("float4", "", piece => piece);

    public override string Load(string row, string element, int width) =>
        width == 1 ? $"*({row} + {element})" : $"vload{width}(0, {row} + {element})";

    public override string Store(string pointer, string value) => $"*({pointer}) = {value};";

    protected override string StoreVector(string pointer, string value, int width) => $"vstore{width}({value}, 0, {pointer});";
}

/// <summary>Through vload_half and vstore_half, which are core OpenCL C: the device need not calculate in half precision.</summary>
internal sealed class Float16Codec : PlainCodec
{
    private const int Widest = 16;

    /// <summary>Preprocessor condition: the compiler is clang, for a processor that converts vectors of float16, which <c>__fp16</c> is called there.</summary>
    public const string ConvertsVectors = "defined(__clang__) && (defined(__F16C__) || defined(__aarch64__))";

    public override string StorageType => "half";

    public override string DisplayName => "float16";

    // Of the vector as a whole some compilers make smaller loads.
    public override Piece Piece => new(
        "uint4",
        """
        // 8 elements, two of them in each uint.
        static float2 halves_to_float2(uint halves) { return vload_half2(0, (const half*)&halves); }
        static float8 halves_to_float8(uint4 x)
        {
            return (float8)(halves_to_float2(x.s0), halves_to_float2(x.s1), halves_to_float2(x.s2), halves_to_float2(x.s3));
        }
        """,
        piece => $"halves_to_float8({piece})");

    public override string LoadHelper(int width) => width < Widest ? "" : $$"""
        // 16 elements. Processors convert a whole vector in one instruction; a driver's vload_half16 may put it together from halves.
        static float16 load_half16(global const half* from)
        {
        #if {{ConvertsVectors}}
            typedef __fp16 halves __attribute__((ext_vector_type(16), aligned(2)));
            return __builtin_convertvector(*(global const halves*)from, float16);
        #else
            return vload_half16(0, from);
        #endif
        }
        """;

    public override string Load(string row, string element, int width) => width < Widest
        ? $"vload_half{Vector(width)}(0, {row} + {element})"
        : $"load_half16({row} + {element})";

    public override string Store(string pointer, string value) => $"vstore_half_rte({value}, 0, {pointer});";

    protected override string StoreVector(string pointer, string value, int width) => $"vstore_half{width}_rte({value}, 0, {pointer});";
}

internal sealed class BFloat16Codec : PlainCodec
{
    public override string StorageType => "ushort";

    public override string DisplayName => "bfloat16";

    public override Piece Piece => new(
        "uint4",
        """
        // 8 elements, two of them in each uint.
        static float8 bfloat16_to_float8(uint4 x)
        {
            const float4 even = as_float4(x << 16);
            const float4 odd = as_float4(x & 0xFFFF0000);
            return (float8)(even.s0, odd.s0, even.s1, odd.s1, even.s2, odd.s2, even.s3, odd.s3);
        }
        """,
        piece => $"bfloat16_to_float8({piece})");

    public override string StoreHelper => """
        // Rounds a float32 to bfloat16, ties to even; NaN stays NaN.
        static ushort float_to_bfloat16(float x)
        {
            uint bits = as_uint(x);
            return isnan(x) ? (ushort)((bits >> 16) | 0x40) : (ushort)((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
        }
        """;

    public override string Load(string row, string element, int width) => width == 1
        ? $"as_float((uint)*({row} + {element}) << 16)"
        : $"as_float{width}(convert_uint{width}(vload{width}(0, {row} + {element})) << 16)";

    public override string Store(string pointer, string value) => $"*({pointer}) = float_to_bfloat16({value});";

    protected override string StoreVector(string pointer, string value, int width) =>
        $"vstore{width}((ushort{width})(" + string.Join(", ", Enumerable.Range(0, width).Select(i => $"float_to_bfloat16({value}.s{i:x})")) + $"), 0, {pointer});";
}
