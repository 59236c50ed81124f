using System.Runtime.InteropServices;
using Kernels.OpenCL;

namespace Kernels.Decoding;

/// <summary>
/// Moves the weights of a checkpoint to a device, and owns them there. Matrices keep their stored form and go straight from the
/// file's map to the device; vectors become float32.
/// </summary>
internal sealed class DecoderWeights : IDisposable
{
    private readonly TensorSource checkpoint;
    private readonly LayerKernels kernels;
    private readonly MatrixWriter writer;
    private readonly List<IDisposable> owned = [];

    /// <param name="device">The device.</param>
    /// <param name="checkpoint">The checkpoint; it is read only while weights are taken.</param>
    /// <param name="kernels">The kernels of linear layers, which say how matrices are to lie.</param>
    public DecoderWeights(ComputeDevice device, TensorSource checkpoint, LayerKernels kernels)
    {
        Device = device;
        this.checkpoint = checkpoint;
        this.kernels = kernels;
        writer = new MatrixWriter(device);
    }

    /// <summary>How the checkpoint was quantised, as its configuration says; null if it does not.</summary>
    public QuantizationConfig? Quantization { get; init; }

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

    /// <summary>The form in which matrices of a stored type are computed from; null if they cannot be weights.</summary>
    public static WeightFormat? FormatOf(TensorType type, QuantizationConfig? quantization) =>
        ElementTypeOf(type) is { } plain ? WeightFormat.Of(plain)
        : type == TensorType.Float8E4M3 && quantization is { Method: QuantizationMethod.Fp8Blocks } blocks
        ? WeightFormat.Fp8(blocks.BlockColumns)
        : GgufRows.FormatOf(type);

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

    /// <summary>
    /// What the names of a model's tensors begin with: checkpoints of models with more around them, or of the bare model, differ in it.
    /// </summary>
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
    /// <exception cref="CheckpointException">
    /// A tensor is missing, or of another shape, or the tensors are not all of one floating-point type.
    /// </exception>
    public WeightMatrix Matrix(int columns, params ReadOnlySpan<(string Name, int Rows)> parts) => Matrices(1, columns, parts);

    /// <summary>A linear layer; several of as many inputs become one, their outputs one after the other.</summary>
    /// <param name="columns">Inputs.</param>
    /// <param name="hasBias">Whether there are tensors <c>.bias</c> beside <c>.weight</c>.</param>
    /// <param name="parts">The names, without <c>.weight</c> and <c>.bias</c>, and the outputs of each.</param>
    /// <exception cref="CheckpointException">
    /// A tensor is missing, or not what <see cref="Matrix"/> or <see cref="Vector"/> expects.
    /// </exception>
    public Linear Linear(int columns, bool hasBias, params ReadOnlySpan<(string Name, int Rows)> parts)
    {
        // Parts of one form are one matrix, which is read in one go; published files keep some layers in more bits than their neighbours.
        var matrices = new List<WeightMatrix>();
        for (int i = 0, end; i < parts.Length; i = end)
        {
            WeightFormat format = Rows(parts[i].Name + ".weight", columns, parts[i].Rows).Format;
            end = i + 1;
            while (end < parts.Length && Rows(parts[end].Name + ".weight", columns, parts[end].Rows).Format == format)
            {
                end++;
            }

            matrices.Add(Matrix(columns, parts[i..end]));
        }

        if (!hasBias)
        {
            return new Linear([.. matrices], bias: [], this);
        }

        var biases = new List<float>();
        foreach ((string name, int rows) in parts)
        {
            CheckShape(name + ".bias", rows);
            biases.AddRange(checkpoint.ReadFloats(name + ".bias"));
        }

        return new Linear([.. matrices], CollectionsMarshal.AsSpan(biases), this);
    }

    /// <summary>A linear layer with bias whose <c>.weight</c> is stored [inputs, outputs].</summary>
    /// <exception cref="CheckpointException">A tensor is missing, or of another shape.</exception>
    public Linear TransposedLinear(string name, int inputs, int outputs)
    {
        CheckShape(name + ".weight", inputs, outputs);
        return new Linear(Upload(inputs, [Transposed(name + ".weight", 0, inputs, outputs, outputs)]), Vector(name + ".bias", outputs));
    }

    /// <summary>
    /// The linear layers of experts in one tensor, stored [experts, inputs, outputs], with biases in another, <c>_bias</c>; or in MXFP4,
    /// where <c>_blocks</c> are [experts, outputs, inputs / 32, 16] and <c>_scales</c> [experts, outputs, inputs / 32].
    /// </summary>
    /// <exception cref="CheckpointException">A tensor is missing, or of another shape.</exception>
    public ExpertLinear TransposedExperts(string name, int experts, int inputs, int outputs)
    {
        CheckShape(name + "_bias", experts, outputs);
        PartRows[] matrices;
        if (checkpoint.Contains(name + "_blocks"))
        {
            matrices = [new PartRows(Mxfp4(name, experts, inputs, outputs), 0, checked(experts * outputs))];
        }
        else
        {
            CheckShape(name, experts, inputs, outputs);
            matrices =
                [.. Enumerable.Range(0, experts)
                    .Select(expert => Transposed(name, (long)expert * inputs * outputs, inputs, outputs, outputs))];
        }

        return new ExpertLinear(Upload(inputs, matrices, count: experts), UploadFloats(checkpoint.ReadFloats(name + "_bias")), experts);
    }

    /// <summary>The linear layers of experts without biases; each expert has its own tensors, which become one, below each other.</summary>
    /// <param name="prefix">What the names begin with, before the expert's number.</param>
    /// <param name="experts">Experts.</param>
    /// <param name="inputs">Inputs.</param>
    /// <param name="parts">The names behind the number, without <c>.weight</c>, and the outputs of each.</param>
    /// <exception cref="CheckpointException">A tensor is missing, or not what <see cref="Matrix"/> expects.</exception>
    public ExpertLinear Experts(string prefix, int experts, int inputs, params (string Name, int Rows)[] parts)
    {
        (string, int)[] all =
            [.. Enumerable.Range(0, experts).SelectMany(expert => parts.Select(part => ($"{prefix}{expert}.{part.Name}", part.Rows)))];
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
        Upload(columns, HeadParts(name, columns, heads, headRows, ranges));

    /// <summary>One range of rows of each head of a matrix as a matrix of the head's own: [heads · rows, columns], row-major.</summary>
    /// <param name="name">The tensor, without <c>.weight</c>.</param>
    /// <param name="columns">Columns.</param>
    /// <param name="heads">Heads.</param>
    /// <param name="headRows">Rows of a head in the tensor.</param>
    /// <param name="first">The first row of a head that is taken.</param>
    /// <param name="rows">The rows of a head that are taken.</param>
    /// <exception cref="CheckpointException">The tensor is missing, or of another shape.</exception>
    public WeightMatrix HeadMatrices(string name, int columns, int heads, int headRows, int first, int rows) =>
        Upload(columns, HeadParts(name, columns, heads, headRows, (first, rows)), WeightLayout.RowMajor);

    /// <summary>The same with the matrix of each head transposed: [heads · columns, rows].</summary>
    /// <inheritdoc cref="HeadMatrices"/>
    public WeightMatrix TransposedHeadMatrices(string name, int columns, int heads, int headRows, int first, int rows)
    {
        PartRows[] parts = HeadParts(name, columns, heads, headRows, (first, rows));
        return Upload(rows, [.. parts.Select(Transpose)], WeightLayout.RowMajor);

        // Blocks of fp8 begin where a head's rows, and the range in them, allow for all heads alike.
        PartRows Transpose(PartRows part) => new(
            part.Rows is Fp8Rows fp8 ? fp8.Transpose(part.First, rows, alignment: headRows, offset: first)
                : Transposed(name + ".weight", part.First * columns, rows, columns, columns).Rows,
            0,
            columns);
    }

    /// <summary>Frees the device memory.</summary>
    public void Dispose()
    {
        foreach (IDisposable resource in owned)
        {
            resource.Dispose();
        }
    }

    /// <summary>A vector of a part of a layer's biases.</summary>
    internal DeviceBuffer<float> Upload(ReadOnlySpan<float> values) => UploadFloats(values);

    private WeightMatrix Matrices(int count, int columns, ReadOnlySpan<(string Name, int Rows)> parts)
    {
        var matrices = new PartRows[parts.Length];
        for (int i = 0; i < matrices.Length; i++)
        {
            (string name, int rows) = parts[i];
            matrices[i] = new PartRows(Rows(name + ".weight", columns, rows), 0, rows) { Name = name + ".weight" };
        }

        return Upload(columns, matrices, count: count);
    }

    private WeightRows Rows(string name, int columns, long rows)
    {
        CheckShape(name, rows, columns);
        checkpoint.ReadAhead(name);
        return checkpoint.Rows(name, columns, Quantization);
    }

    private PartRows[] HeadParts(string name, int columns, int heads, int headRows, params (int First, int Rows)[] ranges)
    {
        WeightRows rows = Rows(name + ".weight", columns, (long)heads * headRows);
        return
        [
            .. Enumerable.Range(0, heads)
                .SelectMany(head => ranges.Select(range => new PartRows(rows, ((long)head * headRows) + range.First, range.Rows))),
        ];
    }

    // Columns of a part of a tensor that begins at an element, as rows.
    private unsafe PartRows Transposed(string name, long start, int inputs, int outputs, int stored)
    {
        TensorInfo info = checkpoint.Info(name);
        ElementType type = ElementTypeOf(info.Type) ?? throw new CheckpointException(
            checkpoint.Path, $"tensor '{name}' is {info}; where weights are stored [inputs, outputs] they are read in F32, F16 or BF16");
        return new PartRows(
            new TransposedRows(checkpoint.Address(name) + (start * type.SizeInBytes()), WeightFormat.Of(type), inputs, stored), 0,
            outputs) { Name = name };
    }

    private unsafe Mxfp4Rows Mxfp4(string name, int experts, int inputs, int outputs)
    {
        if (inputs % 32 != 0)
        {
            throw new CheckpointException(checkpoint.Path, $"tensor '{name}_blocks' is for {inputs} inputs, not a multiple of MXFP4's 32");
        }

        CheckShape(name + "_blocks", experts, outputs, inputs / 32, 16);
        CheckShape(name + "_scales", experts, outputs, inputs / 32);
        foreach (string tensor in (ReadOnlySpan<string>)[name + "_blocks", name + "_scales"])
        {
            TensorInfo info = checkpoint.Info(tensor);
            if (info.Type != TensorType.UInt8 && info.StoredType is not ("F8_E8M0" or "I8"))
            {
                throw new CheckpointException(checkpoint.Path, $"tensor '{tensor}' is {info}, not U8 as MXFP4 is stored");
            }
        }

        return new Mxfp4Rows(checkpoint.Address(name + "_blocks"), checkpoint.Address(name + "_scales"), inputs);
    }

    // The parts follow one another; each matrix has as many of them, or as many rows of the only one. Without an order of their own,
    // matrices lie as linear layers are fastest.
    private WeightMatrix Upload(int columns, PartRows[] parts, WeightLayout? asked = null, int count = 1)
    {
        WeightFormat format = parts[0].Rows.Format;
        WeightLayout order = asked ?? kernels.LayoutOf(format, columns);
        if (Array.Find(parts, part => part.Rows.Format != format) is { } other)
        {
            throw new CheckpointException(
                checkpoint.Path,
                $"tensor '{other.Name}' is in {other.Rows.Format}, but '{parts[0].Name}', which it is used with, in {format}");
        }

        if (!format.Fits(columns))
        {
            throw new CheckpointException(checkpoint.Path, $"tensor '{parts[0].Name}' has {columns} columns, which {format} cannot have");
        }

        int rows = checked(parts.Sum(p => p.Count));
        DeviceBuffer<byte> buffer = Device.Allocate<byte>(checked(count * format.MatrixBytes(rows / count, columns, order)));
        try
        {
            writer.Write(buffer, format, parts, rows / count, columns, order, count);
        }
        catch
        {
            buffer.Dispose();
            throw;
        }

        WeightMatrix matrix = WeightMatrix.From(buffer, format, rows, columns, order, count);
        matrix = Own(asked is null ? kernels.Arrange(matrix) : matrix);
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
            throw new CheckpointException(
                checkpoint.Path, $"tensor '{name}' is {info}; the configuration says [{string.Join(", ", expected.ToArray())}]");
        }
    }
}
