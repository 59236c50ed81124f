using Kernels.Compiler.Emit.Text;

namespace Kernels.Compiler.Emit.Codecs;

/// <summary>An integer of four bits times the scale of its row, which brings the row's largest element to 7; two in a byte.</summary>
internal sealed class Int4Codec : Codec
{
    public override string StorageType => "uchar";

    public override string DisplayName => "int4 with a scale for each row";

    public override Piece Piece => new("uchar4", LoadFunction(8), piece => $"nibbles_to_float8({piece})");

    public override CacheScale Scale => CacheScale.PerToken;

    public override Holes Holes => new() { { "bytes_of", elements => C.Int(int.Parse(elements[0]) / 2) } };

    public override int ElementsInItem => 2;

    public override string RowLength(string dim) => $"({dim} / 2)";

    public override string LoadFunction(int width) => width == 1 ? "" : "Codecs/int4#load";

    public override string StoreRowFunction => "Codecs/int4#store_row";

    public override string ExpandFunction => "Codecs/int4#expand";

    public override string Load(string row, string element, int width) => width > 1
        ? $"nibbles_to_float{width}(vload{width / 2}(0, {row} + {element} / 2))"
        : $"(float)(((({row})[({element}) / 2] >> (({element}) % 2 * 4) & 15) ^ 8) - 8)";
}
