namespace Kernels.Compiler.Emit.Codecs;

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
