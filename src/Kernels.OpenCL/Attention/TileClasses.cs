namespace Kernels.OpenCL;

/// <summary>The classes of the tiles of one kernel's items, [items, heads, stride], a byte each.</summary>
internal sealed class TileClasses
{
    public const byte Partial = KernelContract.TilePartial;
    public const byte Empty = KernelContract.TileEmpty;
    public const byte Full = KernelContract.TileFull;

    /// <summary>Null while there is nothing to classify.</summary>
    public DeviceBuffer<byte>? Buffer;

    /// <summary>Items that have classes.</summary>
    public int Items { get; set; }

    /// <summary>Tiles of the item with the most.</summary>
    public int Stride { get; set; }
}
