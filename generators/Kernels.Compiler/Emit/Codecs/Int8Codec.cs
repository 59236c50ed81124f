namespace Kernels.Compiler.Emit.Codecs;

/// <summary>An integer in two's complement times the scale of its row, which brings the row's largest element to 127.</summary>
internal sealed class Int8Codec : Codec
{
    public override string StorageType => "char";

    public override string DisplayName => "int8 with a scale for each row";

    public override Piece Piece => new("char8", "", piece => $"convert_float8({piece})");

    public override CacheScale Scale => CacheScale.PerToken;

    public override string StoreRowFunction => "Codecs/int8#store_row";

    public override string ExpandFunction => "Codecs/int8#expand";

    public override string Load(string row, string element, int width) => width == 1
        ? $"(float)*({row} + {element})"
        : $"convert_float{width}(vload{width}(0, {row} + {element}))";
}
