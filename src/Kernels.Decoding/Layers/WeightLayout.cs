using System.Runtime.CompilerServices;

namespace Kernels.Decoding;

/// <summary>
/// How a matrix lies in memory: in panels of rows, and within a panel column after column. With panels of one row that is
/// row-major. A last panel that is not full has room for all its rows.
/// </summary>
/// <param name="PanelRows">Rows of a panel.</param>
internal readonly record struct WeightLayout(int PanelRows)
{
    private const int BlockSide = 64;
    private const int StripRows = 16;

    // Elements of a side of the tiles that matrices are packed by, so that both sides of a tile stay in the cache.
    private const int Tile = 32;

    /// <summary>Row after row.</summary>
    public static WeightLayout RowMajor => new(1);

    /// <summary>Panels of as many rows as a vector of a CPU's kernels has lanes: sums are vertical, and a panel is one stream.</summary>
    public static WeightLayout Vectors => new(16);

    /// <summary>Blocks of 64 rows and 64 columns, as tensor cores want them (tensor_shared.cl); made on the device, out of rows.</summary>
    public static WeightLayout Blocks => new(BlockSide) { IsBlocks = true };

    /// <summary>
    /// <see cref="Vectors"/> in which four bytes of a row's weights, or codes, lie side by side, as dot products of narrow numbers take
    /// them. Rows are whole fours of bytes.
    /// </summary>
    internal static WeightLayout Words => new(16) { WordBytes = 4 };

    /// <summary>Bytes of a row that lie side by side in a panel; 0: one element.</summary>
    internal int WordBytes { get; private init; }

    /// <summary>
    /// Strips of 16 rows in units of 64 columns, as tensor cores want weights in groups (tensor_codes.cl); made on the device.
    /// </summary>
    internal static WeightLayout Strips => new(StripRows) { IsStrips = true };

    /// <summary>Whether it is one of those of tensor cores.</summary>
    internal bool IsOfTensorCores => IsBlocks || IsStrips;

    /// <summary>Whether it is <see cref="Strips"/>, and not panels.</summary>
    internal bool IsStrips { get; private init; }

    /// <summary>Whether it is <see cref="Blocks"/>, and not panels.</summary>
    public bool IsBlocks { get; private init; }

    /// <summary>Columns with those that fill the last block.</summary>
    public int PaddedColumns(int columns) => IsOfTensorCores
        ? checked((int)(((long)columns + BlockSide - 1) / BlockSide * BlockSide)) : columns;

    /// <summary>Rows with those that fill the last panel.</summary>
    public int PaddedRows(int rows) => checked((int)(((long)rows + PanelRows - 1) / PanelRows * PanelRows));

    /// <summary>How a plane of a matrix lies: only weights and codes, the first, are in words.</summary>
    internal WeightLayout OfPlane(int plane) => plane > 0 && WordBytes > 0 ? Vectors : this;

    /// <summary>Packs rows.</summary>
    /// <typeparam name="T">The type of the elements.</typeparam>
    /// <param name="source">The rows; element (r, c) is at r · <paramref name="rowStride"/> + c · <paramref name="columnStride"/>.</param>
    /// <param name="rowStride">Elements from one row to the next.</param>
    /// <param name="columnStride">Elements from one column to the next.</param>
    /// <param name="rows">Rows.</param>
    /// <param name="columns">Columns.</param>
    /// <param name="target">Whole panels.</param>
    /// <param name="firstRow">The row of the target that the first one becomes.</param>
    public void Pack<T>(ReadOnlySpan<T> source, int rowStride, int columnStride, int rows, int columns, Span<T> target, int firstRow = 0)
    {
        int word = Math.Max(1, WordBytes / Unsafe.SizeOf<T>());
        ArgumentOutOfRangeException.ThrowIfNotEqual(columns % word, 0, nameof(columns));
        for (int rowTile = 0; rowTile < rows; rowTile += Tile)
        {
            for (int columnTile = 0; columnTile < columns; columnTile += Tile)
            {
                int rowEnd = Math.Min(rowTile + Tile, rows);
                int columnEnd = Math.Min(columnTile + Tile, columns);
                for (int row = rowTile; row < rowEnd; row++)
                {
                    (int panel, int lane) = Math.DivRem(firstRow + row, PanelRows);
                    int from = (row * rowStride) + (columnTile * columnStride);
                    int to = (((panel * columns) + columnTile) * PanelRows) + (lane * word);
                    for (int column = columnTile; column < columnEnd; column += word, to += PanelRows * word)
                    {
                        for (int i = 0; i < word; i++, from += columnStride)
                        {
                            target[to + i] = source[from];
                        }
                    }
                }
            }
        }
    }
}
