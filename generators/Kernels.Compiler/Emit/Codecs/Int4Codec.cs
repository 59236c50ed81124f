namespace Kernels.Compiler.Emit.Codecs;

/// <summary>An integer of four bits times the scale of its row, which brings the row's largest element to 7; two in a byte.</summary>
internal sealed class Int4Codec : Codec
{
    public override string StorageType => "uchar";

    public override string DisplayName => "int4 with a scale for each row";

    public override Piece Piece => new("uchar4", LoadHelper(8), piece => $"nibbles_to_float8({piece})");

    public override CacheScale Scale => CacheScale.PerToken;

    public override string RowLength(string dim) => $"({dim} / 2)";

    public override string LoadHelper(int width) => width == 1 ? "" : $$"""
        // {{width}} four-bit integers in two's complement, the even ones in the low halves of their bytes.
        static float{{width}} nibbles_to_float{{width}}(uchar{{width / 2}} bytes)
        {
            int{{width}} x;
            x.even = convert_int{{width / 2}}(bytes & (uchar)15);
            x.odd = convert_int{{width / 2}}(bytes >> (uchar)4);
            return convert_float{{width}}((x ^ 8) - 8);
        }
        """;

    public override string Load(string row, string element, int width) => width > 1
        ? $"nibbles_to_float{width}(vload{width / 2}(0, {row} + {element} / 2))"
        : $"(float)(((({row})[({element}) / 2] >> (({element}) % 2 * 4) & 15) ^ 8) - 8)";
}
