namespace Kernels.Compiler.Emit.Codecs;

/// <summary>How an element type is stored: its C type, and expressions that load it as float32 and store it from float32.</summary>
internal abstract class Codec
{
    public static Codec For(ElementType type) => type switch
    {
        ElementType.Float32 => new Float32Codec(),
        ElementType.Float16 => new Float16Codec(),
        ElementType.BFloat16 => new BFloat16Codec(),
        _ => throw new ArgumentOutOfRangeException(nameof(type), type, "No codec for this element type."),
    };

    /// <summary>The type of one stored element in OpenCL C.</summary>
    public abstract string StorageType { get; }

    /// <summary>What the type is called in comments.</summary>
    public abstract string DisplayName { get; }

    /// <summary>Helper functions that the expressions call, if any.</summary>
    public virtual string Helpers => "";

    /// <summary><paramref name="width"/> elements at <paramref name="pointer"/> as a float vector (width 1: a float).</summary>
    public abstract string Load(string pointer, int width);

    /// <summary>A statement that stores the float expression <paramref name="value"/> at <paramref name="pointer"/>, rounding to nearest even.</summary>
    public abstract string Store(string pointer, string value);

    /// <summary>A statement that stores the float4 expression <paramref name="value"/> at <paramref name="pointer"/>.</summary>
    public abstract string Store4(string pointer, string value);

    protected static string Vector(int width) => width == 1 ? "" : C.Int(width);
}

internal sealed class Float32Codec : Codec
{
    public override string StorageType => "float";

    public override string DisplayName => "float32";

    public override string Load(string pointer, int width) => width == 1 ? $"*({pointer})" : $"vload{width}(0, {pointer})";

    public override string Store(string pointer, string value) => $"*({pointer}) = {value};";

    public override string Store4(string pointer, string value) => $"vstore4({value}, 0, {pointer});";
}

/// <summary>Through vload_half and vstore_half, which are core OpenCL C: the device need not calculate in half precision.</summary>
internal sealed class Float16Codec : Codec
{
    public override string StorageType => "half";

    public override string DisplayName => "float16";

    public override string Load(string pointer, int width) => $"vload_half{Vector(width)}(0, {pointer})";

    public override string Store(string pointer, string value) => $"vstore_half_rte({value}, 0, {pointer});";

    public override string Store4(string pointer, string value) => $"vstore_half4_rte({value}, 0, {pointer});";
}

internal sealed class BFloat16Codec : Codec
{
    public override string StorageType => "ushort";

    public override string DisplayName => "bfloat16";

    public override string Helpers => """
        // Rounds a float32 to bfloat16, ties to even; NaN stays NaN.
        static ushort float_to_bfloat16(float x)
        {
            uint bits = as_uint(x);
            return isnan(x) ? (ushort)((bits >> 16) | 0x40) : (ushort)((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
        }
        """;

    public override string Load(string pointer, int width) => width == 1
        ? $"as_float((uint)*({pointer}) << 16)"
        : $"as_float{width}(convert_uint{width}(vload{width}(0, {pointer})) << 16)";

    public override string Store(string pointer, string value) => $"*({pointer}) = float_to_bfloat16({value});";

    public override string Store4(string pointer, string value) =>
        "vstore4((ushort4)(" + string.Join(", ", Enumerable.Range(0, 4).Select(i => $"float_to_bfloat16({value}.s{i})")) + $"), 0, {pointer});";
}
