using Kernels.OpenCL;

namespace Kernels.Decoding;

/// <summary>One or more matrices of as many columns on the device in their stored form, below each other.</summary>
internal sealed class WeightMatrix : IDisposable
{
    /// <summary>The most rows of all matrices together, and the most columns: kernels add tiles to their numbers in 32 bits.</summary>
    public const int MostRows = 1 << 30;

    private WeightMatrix(DeviceBuffer buffer, WeightFormat format, int rows, int columns, WeightLayout layout, int count)
    {
        Buffer = buffer;
        Format = format;
        Rows = rows;
        Columns = columns;
        Layout = layout;
        Count = count;
    }

    /// <summary>What the weights are stored as.</summary>
    public WeightFormat Format { get; }

    /// <summary>The type of the elements, or of the codes of a format with groups.</summary>
    public ElementType Type => Format.Type;

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
    public static WeightMatrix From<T>(DeviceBuffer<T> buffer, int rows, int columns, WeightLayout? layout = null, int count = 1)
        where T : unmanaged
    {
        ArgumentNullException.ThrowIfNull(buffer);
        CheckExtents(rows, columns);
        WeightLayout order = layout ?? WeightLayout.RowMajor;
        long elements = Elements(rows, columns, order, count);
        return buffer.Length == elements
            ? new WeightMatrix(buffer, WeightFormat.Of(HostElement.Of<T>()), rows, columns, order, count)
            : throw new ArgumentException(
                $"{count} of {rows} rows and {columns} columns in panels of {order.PanelRows} have {elements} elements; the buffer has "
                    + $"{buffer.Length}.", nameof(buffer));
    }

    /// <summary>Takes a buffer as matrices of a format, one after the other, and owns it from then on.</summary>
    /// <param name="buffer">As many bytes as <see cref="WeightFormat.MatrixBytes"/> says for each matrix.</param>
    /// <param name="format">What the weights are stored as.</param>
    /// <param name="rows">Rows of all matrices together.</param>
    /// <param name="columns">Columns.</param>
    /// <param name="layout">How rows lie.</param>
    /// <param name="count">Matrices; divides the rows.</param>
    /// <exception cref="ArgumentOutOfRangeException">There are no rows or columns, or more than <see cref="MostRows"/>.</exception>
    /// <exception cref="ArgumentException">The buffer has another number of bytes, or the format does not fit the columns.</exception>
    public static WeightMatrix From(
        DeviceBuffer<byte> buffer, WeightFormat format, int rows, int columns, WeightLayout layout, int count = 1)
    {
        ArgumentNullException.ThrowIfNull(buffer);
        ArgumentNullException.ThrowIfNull(format);
        CheckExtents(rows, columns);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(count);
        ArgumentOutOfRangeException.ThrowIfNotEqual(rows % count, 0);
        if (!format.Fits(columns))
        {
            throw new ArgumentException($"{columns} columns cannot be {format}.", nameof(format));
        }

        long bytes = count * format.MatrixBytes(rows / count, columns, layout);
        return buffer.Length == bytes
            ? new WeightMatrix(buffer, format, rows, columns, layout, count)
            : throw new ArgumentException(
                $"{count} of {rows} rows and {columns} columns in {format} have {bytes} bytes; the buffer has {buffer.Length}.",
                nameof(buffer));
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

    private static void CheckExtents(int rows, int columns)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(rows);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(columns);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(rows, MostRows);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(columns, MostRows);
    }
}
