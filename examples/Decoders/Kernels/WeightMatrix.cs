using Kernels;
using Kernels.OpenCL;

namespace Decoders;

/// <summary>A matrix on the device in its stored type, [rows, columns] row-major.</summary>
public sealed class WeightMatrix : IDisposable
{
    private WeightMatrix(DeviceBuffer buffer, ElementType type, int rows, int columns)
    {
        Buffer = buffer;
        Type = type;
        Rows = rows;
        Columns = columns;
    }

    /// <summary>The type of the elements.</summary>
    public ElementType Type { get; }

    /// <summary>Rows; the outputs of a linear layer, or the tokens of an embedding.</summary>
    public int Rows { get; }

    /// <summary>Columns; the inputs of a linear layer, or the width of an embedding.</summary>
    public int Columns { get; }

    /// <summary>Bytes of device memory.</summary>
    public long ByteLength => Buffer.ByteLength;

    internal DeviceBuffer Buffer { get; }

    /// <summary>Takes a buffer of elements as a matrix, and owns it from then on.</summary>
    /// <typeparam name="T"><see cref="float"/>, <see cref="Half"/> or <see cref="BFloat16"/>.</typeparam>
    /// <exception cref="ArgumentException">The buffer has not rows × columns elements, or the type is none of the three.</exception>
    public static WeightMatrix From<T>(DeviceBuffer<T> buffer, int rows, int columns) where T : unmanaged
    {
        ArgumentNullException.ThrowIfNull(buffer);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(rows);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(columns);
        return buffer.Length == (long)rows * columns
            ? new WeightMatrix(buffer, HostElement.Of<T>(), rows, columns)
            : throw new ArgumentException($"A matrix of {rows} rows and {columns} columns has {(long)rows * columns} elements; the buffer has {buffer.Length}.", nameof(buffer));
    }

    /// <summary>Frees the device memory.</summary>
    public void Dispose() => Buffer.Dispose();
}
