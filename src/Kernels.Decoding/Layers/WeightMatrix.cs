using Kernels.OpenCL;

namespace Kernels.Decoding;

/// <summary>One or more matrices of as many columns on the device in their stored type, below each other.</summary>
public sealed class WeightMatrix : IDisposable
{
    /// <summary>The most rows of all matrices together, and the most columns: kernels add tiles to their numbers in 32 bits.</summary>
    public const int MostRows = 1 << 30;

    private WeightMatrix(DeviceBuffer buffer, ElementType type, int rows, int columns, WeightLayout layout, int count)
    {
        Buffer = buffer;
        Type = type;
        Rows = rows;
        Columns = columns;
        Layout = layout;
        Count = count;
    }

    /// <summary>The type of the elements.</summary>
    public ElementType Type { get; }

    /// <summary>Rows of all matrices together; the outputs of a linear layer, or the tokens of an embedding.</summary>
    public int Rows { get; }

    /// <summary>Columns; the inputs of a linear layer, or the width of an embedding.</summary>
    public int Columns { get; }

    /// <summary>How the elements lie.</summary>
    public WeightLayout Layout { get; }

    /// <summary>Matrices, each of as many rows; each begins with a panel of its own.</summary>
    public int Count { get; }

    /// <summary>Bytes of device memory.</summary>
    public long ByteLength => Buffer.ByteLength;

    internal DeviceBuffer Buffer { get; }

    /// <summary>Takes a buffer of elements as a matrix, and owns it from then on.</summary>
    /// <typeparam name="T"><see cref="float"/>, <see cref="Half"/> or <see cref="BFloat16"/>.</typeparam>
    /// <param name="buffer">As many elements as <see cref="Elements"/> says.</param>
    /// <param name="rows">Rows of all matrices together.</param>
    /// <param name="columns">Columns.</param>
    /// <param name="layout">How the elements lie; by default row-major.</param>
    /// <param name="count">Matrices; divides the rows.</param>
    /// <exception cref="ArgumentOutOfRangeException">There are no rows or columns, or more than <see cref="MostRows"/>.</exception>
    /// <exception cref="ArgumentException">The buffer has another number of elements, or the type is none of the three.</exception>
    public static WeightMatrix From<T>(DeviceBuffer<T> buffer, int rows, int columns, WeightLayout? layout = null, int count = 1) where T : unmanaged
    {
        ArgumentNullException.ThrowIfNull(buffer);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(rows);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(columns);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(rows, MostRows);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(columns, MostRows);
        WeightLayout order = layout ?? WeightLayout.RowMajor;
        long elements = Elements(rows, columns, order, count);
        return buffer.Length == elements
            ? new WeightMatrix(buffer, HostElement.Of<T>(), rows, columns, order, count)
            : throw new ArgumentException($"{count} of {rows} rows and {columns} columns in panels of {order.PanelRows} have {elements} elements; the buffer has {buffer.Length}.", nameof(buffer));
    }

    /// <summary>Elements that matrices take, those that fill panels included.</summary>
    /// <param name="rows">Rows of all matrices together.</param>
    /// <param name="columns">Columns.</param>
    /// <param name="layout">How the elements lie.</param>
    /// <param name="count">Matrices; divides the rows.</param>
    public static long Elements(int rows, int columns, WeightLayout layout, int count = 1)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(count);
        ArgumentOutOfRangeException.ThrowIfNotEqual(rows % count, 0);
        return (long)count * layout.PaddedRows(rows / count) * layout.PaddedColumns(columns);
    }

    /// <summary>Frees the device memory.</summary>
    public void Dispose() => Buffer.Dispose();
}
