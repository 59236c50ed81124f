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

    public override bool NeedsNoConversion => true;

    public override bool HasFloat32Range => true;

    public override Piece Piece => new("float4", "", piece => piece);

    public override string Load(string row, string element, int width) =>
        width == 1 ? $"*({row} + {element})" : $"vload{width}(0, {row} + {element})";

    public override string Store(string pointer, string value) => $"*({pointer}) = {value};";

    protected override string StoreVector(string pointer, string value, int width) => $"vstore{width}({value}, 0, {pointer});";
}

internal sealed class Float16Codec : PlainCodec
{
    private const int Widest = 16;

    public override string StorageType => "half";

    public override string DisplayName => "float16";

    public override Piece Piece => new("uint4", "Codecs/float16#piece", piece => $"halves_to_float8({piece})");

    public override string LoadFunction(int width) => width < Widest ? "" : "Codecs/float16#load_16";

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

    public override bool HasFloat32Range => true;

    public override Piece Piece => new("uint4", "Codecs/bfloat16#piece", piece => $"bfloat16_to_float8({piece})");

    public override string StoreFunction => "Codecs/bfloat16#store";

    public override string Load(string row, string element, int width) => width == 1
        ? $"as_float((uint)*({row} + {element}) << 16)"
        : $"as_float{width}(convert_uint{width}(vload{width}(0, {row} + {element})) << 16)";

    public override string Store(string pointer, string value) => $"*({pointer}) = float_to_bfloat16({value});";

    protected override string StoreVector(string pointer, string value, int width) =>
        $"vstore{width}((ushort{width})(" + string.Join(", ", Enumerable.Range(0, width).Select(i => $"float_to_bfloat16({value}.s{i:x})")) + $"), 0, {pointer});";
}
