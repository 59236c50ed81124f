using Kernels;
using Kernels.OpenCL;

namespace Decoders;

/// <summary>
/// Moves the weights of a checkpoint to a device, and owns them there. Matrices keep their stored type and stream from the
/// file's map in pieces; vectors become float32.
/// </summary>
public sealed class DecoderWeights : IDisposable
{
    private const int PieceBytes = 64 << 20;

    private readonly SafeTensors checkpoint;
    private readonly List<IDisposable> owned = [];

    /// <param name="device">The device.</param>
    /// <param name="checkpoint">The checkpoint; it is read only while weights are taken.</param>
    public DecoderWeights(ComputeDevice device, SafeTensors checkpoint)
    {
        Device = device;
        this.checkpoint = checkpoint;
    }

    /// <summary>The device.</summary>
    public ComputeDevice Device { get; }

    /// <summary>Bytes of device memory that the weights take.</summary>
    public long ByteLength { get; private set; }

    /// <summary>Frees something together with the weights.</summary>
    public T Own<T>(T resource) where T : IDisposable
    {
        owned.Add(resource);
        return resource;
    }

    /// <summary>A vector as float32.</summary>
    /// <param name="name">The tensor.</param>
    /// <param name="length">Its elements.</param>
    /// <exception cref="CheckpointException">There is no such tensor, or it is not of this length.</exception>
    public DeviceBuffer<float> Vector(string name, int length) => Concatenate([(name, length)]);

    /// <summary>
    /// A matrix [rows, columns] in its stored type; several tensors of as many columns become one, below each other.
    /// </summary>
    /// <param name="columns">Columns.</param>
    /// <param name="parts">The tensors, without <c>.weight</c>, and their rows.</param>
    /// <exception cref="CheckpointException">A tensor is missing, or of another shape, or the tensors are not all of one floating-point type.</exception>
    public WeightMatrix Matrix(int columns, params ReadOnlySpan<(string Name, int Rows)> parts)
    {
        (string Name, int Rows)[] tensors = parts.ToArray();
        for (int i = 0; i < tensors.Length; i++)
        {
            tensors[i].Name += ".weight";
            CheckShape(tensors[i].Name, tensors[i].Rows, columns);
        }

        TensorType type = checkpoint.Info(tensors[0].Name).Type;
        foreach ((string name, _) in tensors)
        {
            if (checkpoint.Info(name).Type != type)
            {
                throw new CheckpointException(checkpoint.Path, $"tensor '{name}' is {checkpoint.Info(name)}, but '{tensors[0].Name}', which it is used with, is {checkpoint.Info(tensors[0].Name)}");
            }
        }

        return type switch
        {
            TensorType.Float32 => Upload<float>(columns, tensors),
            TensorType.Float16 => Upload<Half>(columns, tensors),
            TensorType.BFloat16 => Upload<BFloat16>(columns, tensors),
            _ => throw new CheckpointException(checkpoint.Path, $"tensor '{tensors[0].Name}' is {checkpoint.Info(tensors[0].Name)}, not of a floating-point type"),
        };
    }

    /// <summary>A linear layer; several of as many inputs become one, their outputs one after the other.</summary>
    /// <param name="columns">Inputs.</param>
    /// <param name="hasBias">Whether there are tensors <c>.bias</c> beside <c>.weight</c>.</param>
    /// <param name="parts">The names, without <c>.weight</c> and <c>.bias</c>, and the outputs of each.</param>
    /// <exception cref="CheckpointException">A tensor is missing, or not what <see cref="Matrix"/> or <see cref="Vector"/> expects.</exception>
    public Linear Linear(int columns, bool hasBias, params ReadOnlySpan<(string Name, int Rows)> parts)
    {
        WeightMatrix matrix = Matrix(columns, parts);
        if (!hasBias)
        {
            return new Linear(matrix, bias: null);
        }

        (string Name, int Rows)[] biases = parts.ToArray();
        for (int i = 0; i < biases.Length; i++)
        {
            biases[i].Name += ".bias";
        }

        return new Linear(matrix, Concatenate(biases));
    }

    /// <summary>Frees the device memory.</summary>
    public void Dispose()
    {
        foreach (IDisposable resource in owned)
        {
            resource.Dispose();
        }
    }

    private WeightMatrix Upload<T>(int columns, (string Name, int Rows)[] parts) where T : unmanaged
    {
        int rows = checked(parts.Sum(p => p.Rows));
        DeviceBuffer<T> buffer = Own(Device.Allocate<T>((long)rows * columns));
        ByteLength += buffer.ByteLength;
        int pieceLength = PieceBytes / System.Runtime.CompilerServices.Unsafe.SizeOf<T>();
        long target = 0;
        foreach ((string name, int partRows) in parts)
        {
            long length = (long)partRows * columns;
            for (long start = 0; start < length; start += pieceLength)
            {
                int count = (int)Math.Min(pieceLength, length - start);
                Device.Queue.Write(buffer, checkpoint.Read<T>(name, start, count), target + start);
            }

            target += length;
        }

        return WeightMatrix.From(buffer, rows, columns);
    }

    private DeviceBuffer<float> Concatenate((string Name, int Length)[] parts)
    {
        var values = new List<float>();
        foreach ((string name, int length) in parts)
        {
            CheckShape(name, length);
            values.AddRange(checkpoint.ReadFloats(name));
        }

        DeviceBuffer<float> buffer = Own(Device.Upload<float>(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(values)));
        ByteLength += buffer.ByteLength;
        return buffer;
    }

    private void CheckShape(string name, params ReadOnlySpan<long> expected)
    {
        TensorInfo info = checkpoint.Info(name);
        if (!info.Shape.AsSpan().SequenceEqual(expected))
        {
            throw new CheckpointException(checkpoint.Path, $"tensor '{name}' is {info}; the configuration says [{string.Join(", ", expected.ToArray())}]");
        }
    }
}
