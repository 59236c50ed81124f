namespace Kernels.Compiler.Emit.Codecs;

/// <summary>
/// Sign, 4 bits of exponent with bias 7, 3 of mantissa: ±448 at most, subnormal steps of 2^−9, no infinity, all other bits set is NaN.
/// </summary>
internal sealed class Float8E4M3Codec : Codec
{
    public override string StorageType => "uchar";

    public override string DisplayName => "float8 (e4m3) with a scale for each KV head";

    public override Piece Piece => new("uchar8", LoadFunction(8), piece => $"e4m3_to_float8({piece})");

    public override CacheScale Scale => CacheScale.PerHead;

    public override string LoadFunction(int width) => width switch
    {
        1 => "Codecs/float8#load",
        16 => "Codecs/float8#load_16",
        _ => "Codecs/float8#load_vector",
    };

    public override string StoreRowFunction => "Codecs/float8#store_row";

    public override string ExpandFunction => "Codecs/float8#expand";

    public override string Load(string row, string element, int width) => width == 1
        ? $"e4m3_to_float({row}[{element}])"
        : $"e4m3_to_float{width}(vload{width}(0, {row} + {element}))";
}
