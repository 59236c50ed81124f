using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Kernels.OpenCL;

namespace Kernels.Decoding;

/// <summary>
/// Moves the weights of a checkpoint to a device, and owns them there. Matrices keep their stored type and stream from the
/// file's map in pieces; vectors become float32.
/// </summary>
public sealed class DecoderWeights : IDisposable
{
    private const int PieceBytes = 64 << 20;

    private readonly SafeTensors checkpoint;
    private readonly WeightLayout layout;
    private readonly Func<WeightMatrix, WeightMatrix> arrange;
    private readonly List<IDisposable> owned = [];

    /// <param name="device">The device.</param>
    /// <param name="checkpoint">The checkpoint; it is read only while weights are taken.</param>
    /// <param name="kernels">The kernels of linear layers, which say how matrices are to lie.</param>
    public DecoderWeights(ComputeDevice device, SafeTensors checkpoint, LayerKernels kernels)
    {
        Device = device;
        this.checkpoint = checkpoint;
        layout = kernels.Layout;
        arrange = kernels.Arrange;
    }

    /// <summary>The device.</summary>
    public ComputeDevice Device { get; }

    /// <summary>Bytes of device memory that the weights take.</summary>
    public long ByteLength { get; private set; }

    /// <summary>The type that matrices of a stored type have on the device; null if they cannot be weights.</summary>
    public static ElementType? ElementTypeOf(TensorType type) => type switch
    {
        TensorType.Float32 => ElementType.Float32,
        TensorType.Float16 => ElementType.Float16,
        TensorType.BFloat16 => ElementType.BFloat16,
        _ => null,
    };

    /// <summary>Frees something together with the weights.</summary>
    public T Own<T>(T resource) where T : IDisposable
    {
        owned.Add(resource);
        return resource;
    }

    /// <summary>Whether the checkpoint has a tensor of this name.</summary>
    public bool Contains(string name) => checkpoint.Contains(name);

    /// <summary>Whether the output head is taken where it is not the embedding too.</summary>
    public bool TakesHead { get; init; } = true;

    /// <summary>What the names of a model's tensors begin with: checkpoints of models with more around them, or of the bare model, differ in it.</summary>
    /// <param name="name">A tensor that every such model has.</param>
    /// <param name="roots">What its name may begin with; the first if it is nowhere, for the message that it is missing.</param>
    public string Root(string name, params ReadOnlySpan<string> roots)
    {
        foreach (string root in roots)
        {
            if (Contains(root + name))
            {
                return root;
            }
        }

        return roots[0];
    }

    /// <summary>The embedding and the output head; where they are tied, the file may have kept either.</summary>
    /// <param name="embedding">The tensor of the embedding, without <c>.weight</c>.</param>
    /// <param name="head">That of the head.</param>
    /// <param name="config">The model.</param>
    /// <returns>The table, and the head; null if it is not taken.</returns>
    /// <exception cref="CheckpointException">A tensor is missing, or of another shape.</exception>
    public (WeightMatrix Embedding, Linear? Head) Ends(string embedding, string head, ModelConfig config)
    {
        (int vocabulary, int hidden) = (config.VocabularySize, config.HiddenSize);
        if (!config.TiedEmbeddings)
        {
            return (Matrix(hidden, (embedding, vocabulary)), TakesHead ? Linear(hidden, hasBias: false, (head, vocabulary)) : null);
        }

        bool keptHeadOnly = !Contains(embedding + ".weight") && Contains(head + ".weight");
        WeightMatrix table = Matrix(hidden, (keptHeadOnly ? head : embedding, vocabulary));
        return (table, TakesHead ? new Linear(table, bias: null) : null);
    }

    /// <summary>A vector as float32.</summary>
    /// <param name="name">The tensor.</param>
    /// <param name="length">Its elements.</param>
    /// <param name="plus">What is added to each.</param>
    /// <exception cref="CheckpointException">There is no such tensor, or it is not of this length.</exception>
    public DeviceBuffer<float> Vector(string name, int length, float plus = 0)
    {
        CheckShape(name, length);
        float[] values = checkpoint.ReadFloats(name);
        for (int i = 0; i < length; i++)
        {
            values[i] += plus;
        }

        return UploadFloats(values);
    }

    /// <summary>
    /// A matrix [rows, columns] in its stored type, for linear layers and embeddings; several tensors of as many columns become
    /// one, below each other.
    /// </summary>
    /// <param name="columns">Columns.</param>
    /// <param name="parts">The tensors, without <c>.weight</c>, and their rows.</param>
    /// <exception cref="CheckpointException">A tensor is missing, or of another shape, or the tensors are not all of one floating-point type.</exception>
    public WeightMatrix Matrix(int columns, params ReadOnlySpan<(string Name, int Rows)> parts) => Matrices(1, columns, parts);

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

        var biases = new List<float>();
        foreach ((string name, int rows) in parts)
        {
            CheckShape(name + ".bias", rows);
            biases.AddRange(checkpoint.ReadFloats(name + ".bias"));
        }

        return new Linear(matrix, UploadFloats(CollectionsMarshal.AsSpan(biases)));
    }

    /// <summary>A linear layer with bias whose <c>.weight</c> is stored [inputs, outputs].</summary>
    /// <exception cref="CheckpointException">A tensor is missing, or of another shape.</exception>
    public Linear TransposedLinear(string name, int inputs, int outputs)
    {
        CheckShape(name + ".weight", inputs, outputs);
        return new Linear(Upload(inputs, [new StoredMatrix(name + ".weight", 0, outputs)], transposed: true), Vector(name + ".bias", outputs));
    }

    /// <summary>The linear layers of experts in one tensor, stored [experts, inputs, outputs], with biases in another, <c>_bias</c>.</summary>
    /// <exception cref="CheckpointException">A tensor is missing, or of another shape.</exception>
    public ExpertLinear TransposedExperts(string name, int experts, int inputs, int outputs)
    {
        CheckShape(name, experts, inputs, outputs);
        CheckShape(name + "_bias", experts, outputs);
        StoredMatrix[] matrices = [.. Enumerable.Range(0, experts).Select(expert => new StoredMatrix(name, (long)expert * inputs * outputs, outputs))];
        return new ExpertLinear(Upload(inputs, matrices, transposed: true, count: experts), UploadFloats(checkpoint.ReadFloats(name + "_bias")), experts);
    }

    /// <summary>The linear layers of experts without biases; each expert has its own tensors, which become one, below each other.</summary>
    /// <param name="prefix">What the names begin with, before the expert's number.</param>
    /// <param name="experts">Experts.</param>
    /// <param name="inputs">Inputs.</param>
    /// <param name="parts">The names behind the number, without <c>.weight</c>, and the outputs of each.</param>
    /// <exception cref="CheckpointException">A tensor is missing, or not what <see cref="Matrix"/> expects.</exception>
    public ExpertLinear Experts(string prefix, int experts, int inputs, params (string Name, int Rows)[] parts)
    {
        (string, int)[] all = [.. Enumerable.Range(0, experts).SelectMany(expert => parts.Select(part => ($"{prefix}{expert}.{part.Name}", part.Rows)))];
        return new ExpertLinear(Matrices(experts, inputs, all), bias: null, experts);
    }

    /// <summary>Some rows of each head of a matrix, head after head, as one matrix of a linear layer.</summary>
    /// <param name="name">The tensor, without <c>.weight</c>.</param>
    /// <param name="columns">Columns.</param>
    /// <param name="heads">Heads.</param>
    /// <param name="headRows">Rows of a head in the tensor.</param>
    /// <param name="ranges">The rows of a head that are taken, in the order that they have in the result.</param>
    /// <exception cref="CheckpointException">The tensor is missing, or of another shape.</exception>
    public WeightMatrix HeadRows(string name, int columns, int heads, int headRows, params (int First, int Rows)[] ranges) =>
        Upload(columns, HeadParts(name, columns, heads, headRows, ranges), transposed: false);

    /// <summary>One range of rows of each head of a matrix as a matrix of the head's own: [heads · rows, columns], row-major.</summary>
    /// <param name="name">The tensor, without <c>.weight</c>.</param>
    /// <param name="columns">Columns.</param>
    /// <param name="heads">Heads.</param>
    /// <param name="headRows">Rows of a head in the tensor.</param>
    /// <param name="first">The first row of a head that is taken.</param>
    /// <param name="rows">The rows of a head that are taken.</param>
    /// <exception cref="CheckpointException">The tensor is missing, or of another shape.</exception>
    public WeightMatrix HeadMatrices(string name, int columns, int heads, int headRows, int first, int rows) =>
        Upload(columns, HeadParts(name, columns, heads, headRows, (first, rows)), transposed: false, WeightLayout.RowMajor);

    /// <summary>The same with the matrix of each head transposed: [heads · columns, rows].</summary>
    /// <inheritdoc cref="HeadMatrices"/>
    public WeightMatrix TransposedHeadMatrices(string name, int columns, int heads, int headRows, int first, int rows) =>
        Upload(rows, [.. HeadParts(name, columns, heads, headRows, (first, rows)).Select(part => part with { Rows = columns })], transposed: true, WeightLayout.RowMajor);

    /// <summary>Frees the device memory.</summary>
    public void Dispose()
    {
        foreach (IDisposable resource in owned)
        {
            resource.Dispose();
        }
    }

    private WeightMatrix Matrices(int count, int columns, ReadOnlySpan<(string Name, int Rows)> parts)
    {
        var matrices = new StoredMatrix[parts.Length];
        for (int i = 0; i < matrices.Length; i++)
        {
            matrices[i] = new StoredMatrix(parts[i].Name + ".weight", 0, parts[i].Rows);
            CheckShape(matrices[i].Tensor, parts[i].Rows, columns);
        }

        return Upload(columns, matrices, transposed: false, count: count);
    }

    private StoredMatrix[] HeadParts(string name, int columns, int heads, int headRows, params (int First, int Rows)[] ranges)
    {
        name += ".weight";
        CheckShape(name, (long)heads * headRows, columns);
        return
        [
            .. Enumerable.Range(0, heads).SelectMany(head => ranges.Select(range =>
                new StoredMatrix(name, (((long)head * headRows) + range.First) * columns, range.Rows))),
        ];
    }

    // Without an order of their own, matrices lie as linear layers are fastest.
    private WeightMatrix Upload(int columns, StoredMatrix[] parts, bool transposed, WeightLayout? order = null, int count = 1)
    {
        TensorInfo first = checkpoint.Info(parts[0].Tensor);
        foreach (StoredMatrix part in parts)
        {
            TensorInfo info = checkpoint.Info(part.Tensor);
            if (info.Type != first.Type)
            {
                throw new CheckpointException(checkpoint.Path, $"tensor '{part.Tensor}' is {info}, but '{first.Name}', which it is used with, is {first}");
            }
        }

        return ElementTypeOf(first.Type) switch
        {
            ElementType.Float32 => Upload<float>(columns, parts, transposed, order, count),
            ElementType.Float16 => Upload<Half>(columns, parts, transposed, order, count),
            ElementType.BFloat16 => Upload<BFloat16>(columns, parts, transposed, order, count),
            _ => throw new CheckpointException(checkpoint.Path, $"tensor '{first.Name}' is {first}, not of a floating-point type"),
        };
    }

    // The parts follow one another; each matrix has as many of them.
    private WeightMatrix Upload<T>(int columns, StoredMatrix[] parts, bool transposed, WeightLayout? asked, int count) where T : unmanaged
    {
        WeightLayout order = asked ?? layout;
        int rows = checked(parts.Sum(p => p.Rows));
        DeviceBuffer<T> buffer = Device.Allocate<T>(WeightMatrix.Elements(rows, columns, order, count));
        try
        {
            var writer = new MatrixWriter<T>(Device, buffer, order, columns, PieceBytes / Unsafe.SizeOf<T>());
            int partsEach = parts.Length / count;
            for (int i = 0; i < parts.Length; i++)
            {
                StoredMatrix part = parts[i];
                ReadOnlySpan<T> whole = transposed ? checkpoint.Read<T>(part.Tensor, part.Start, checked(part.Rows * columns)) : [];
                for (int row = 0, taken; row < part.Rows; row += taken)
                {
                    taken = Math.Min(writer.Room, part.Rows - row);
                    if (transposed)
                    {
                        writer.Add(whole[row..], 1, part.Rows, taken);
                    }
                    else
                    {
                        writer.Add(checkpoint.Read<T>(part.Tensor, part.Start + ((long)row * columns), taken * columns), columns, 1, taken);
                    }
                }

                if ((i + 1) % partsEach == 0)
                {
                    writer.EndMatrix();
                }
            }
        }
        catch
        {
            buffer.Dispose();
            throw;
        }

        WeightMatrix matrix = WeightMatrix.From(buffer, rows, columns, order, count);
        matrix = Own(asked is null ? arrange(matrix) : matrix);
        ByteLength += matrix.ByteLength;
        return matrix;
    }

    private DeviceBuffer<float> UploadFloats(ReadOnlySpan<float> values)
    {
        DeviceBuffer<float> buffer = Own(Device.Upload<float>(values));
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

    /// <summary>A matrix of <paramref name="Rows"/> rows, once it is the way round that the device has it, from an element of a tensor on.</summary>
    private readonly record struct StoredMatrix(string Tensor, long Start, int Rows);
}
