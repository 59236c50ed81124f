namespace Kernels.Compiler.Emit.Codecs;

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
