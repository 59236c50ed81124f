using Kernels.OpenCL;

namespace Kernels.Decoding;

/// <summary>Writes matrices to a buffer on a device in their layout, below each other, some panels at a time.</summary>
internal sealed class MatrixWriter<T> where T : unmanaged
{
    private readonly ComputeDevice device;
    private readonly DeviceBuffer<T> target;
    private readonly WeightLayout layout;
    private readonly int columns;
    private readonly T[] piece;
    private readonly int pieceRows;
    private int rows;
    private long written;

    /// <param name="device">The device.</param>
    /// <param name="target">Takes the matrices, from its beginning on.</param>
    /// <param name="layout">How they lie there.</param>
    /// <param name="columns">Columns.</param>
    /// <param name="pieceElements">About how many elements are written at a time.</param>
    public MatrixWriter(ComputeDevice device, DeviceBuffer<T> target, WeightLayout layout, int columns, int pieceElements)
    {
        this.device = device;
        this.target = target;
        this.layout = layout;
        this.columns = columns;
        pieceRows = layout.PaddedRows((int)Math.Max(1, Math.Min(pieceElements, target.Length) / columns));
        piece = new T[pieceRows * columns];
    }

    /// <summary>The most rows that <see cref="Add"/> takes before the next is written.</summary>
    public int Room => pieceRows - rows;

    /// <summary>Adds rows below those that were added before.</summary>
    /// <param name="source">The rows.</param>
    /// <param name="rowStride">Elements from one row to the next.</param>
    /// <param name="columnStride">Elements from one column to the next.</param>
    /// <param name="count">Rows, at most <see cref="Room"/>.</param>
    public void Add(ReadOnlySpan<T> source, int rowStride, int columnStride, int count)
    {
        if (layout == WeightLayout.RowMajor && columnStride == 1 && rowStride == columns)
        {
            // As they lie already.
            Write(source[..(count * columns)]);
            return;
        }

        layout.Pack(source, rowStride, columnStride, count, columns, piece, rows);
        rows += count;
        if (rows == pieceRows)
        {
            EndMatrix();
        }
    }

    /// <summary>Ends a matrix: the next row begins a panel. What fills the last panel may be anything, since no sum of it is kept.</summary>
    public void EndMatrix()
    {
        Write(piece.AsSpan(0, layout.PaddedRows(rows) * columns));
        rows = 0;
    }

    private void Write(ReadOnlySpan<T> elements)
    {
        device.Queue.Write(target, elements, written);
        written += elements.Length;
    }
}
