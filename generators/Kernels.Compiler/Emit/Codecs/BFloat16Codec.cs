namespace Kernels.Compiler.Emit.Codecs;

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
        $"vstore{width}((ushort{width})("
            + string.Join(", ", Enumerable.Range(0, width).Select(i => $"float_to_bfloat16({value}.s{i:x})"))
            + $"), 0, {pointer});";
}
