namespace Kernels.Decoding;

/// <summary>
/// The tensors of a GGUF file under Hugging Face's names. What llama.cpp's converter changed is changed back as it is read: the
/// rows of Llama's queries and keys, which it orders by pairs that turn together, and 1 that it adds to the weights of Gemma's norms.
/// </summary>
internal sealed unsafe class GgufTensors : TensorSource
{
    private readonly GgufFile file;
    private readonly Dictionary<string, string> names = new(StringComparer.Ordinal);
    private readonly GgufArchitecture architecture;
    private readonly int queryHeads;
    private readonly int keyHeads;

    private GgufTensors(GgufFile file)
    {
        this.file = file;
        architecture = GgufArchitecture.Of(file);
        queryHeads = file.OptionalCount($"{file.Architecture}.attention.head_count") ?? 1;
        keyHeads = file.OptionalCount($"{file.Architecture}.attention.head_count_kv") ?? queryHeads;
        foreach (string tensor in file.TensorNames)
        {
            if (architecture.HuggingFaceName(tensor) is { } name)
            {
                names.TryAdd(name, tensor);
            }
        }
    }

    /// <inheritdoc/>
    public override string Path => file.Path;

    /// <inheritdoc/>
    public override IReadOnlyCollection<string> Names => names.Keys;

    /// <summary>Opens a file.</summary>
    /// <exception cref="CheckpointException">It cannot be opened, is not well-formed, or of an architecture that is not read.</exception>
    public static GgufTensors Open(string path)
    {
        GgufFile file = GgufFile.Open(path);
        try
        {
            return new GgufTensors(file);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public override bool Contains(string name) => names.ContainsKey(name);

    /// <inheritdoc/>
    public override TensorInfo Info(string name) => file.Tensor(Find(name))! with { Name = name };

    /// <inheritdoc/>
    public override float[] ReadFloats(string name)
    {
        TensorInfo info = Info(name);
        if (info.Length == 0)
        {
            return [];
        }

        if (info.Length > Array.MaxLength)
        {
            throw new CheckpointException(Path, $"tensor '{Find(name)}' is {info}, more than is read at once");
        }

        int columns = info.Shape.Length == 0 ? 1 : (int)info.Shape[^1];
        long rows = info.Length / columns;

        // A bias has an element a row of its matrix, and their order.
        Func<long, long>? order = info.Shape.Length == 1 && name.EndsWith(".bias", StringComparison.Ordinal) ? Order(name, columns) : null;
        WeightRows source = Rows(name, columns, quantization: null);
        var values = new float[info.Length];
        for (long row = 0; row < rows; row++)
        {
            source.Dequantize(row, values.AsSpan((int)row * columns, columns));
        }

        if (order is not null)
        {
            float[] stored = values;
            values = [.. Enumerable.Range(0, columns).Select(i => stored[order(i)])];
        }

        if (architecture.AddsOneToNorms && info.Shape.Length == 1 && name.EndsWith("norm.weight", StringComparison.Ordinal))
        {
            for (int i = 0; i < values.Length; i++)
            {
                values[i] -= 1;
            }
        }

        return values;
    }

    /// <inheritdoc/>
    internal override byte* Address(string name) => file.Address(Find(name));

    /// <inheritdoc/>
    internal override WeightRows Rows(string name, int columns, QuantizationConfig? quantization)
    {
        TensorInfo info = Info(name);
        WeightRows rows = DecoderWeights.ElementTypeOf(info.Type) is { } type ? new PlainRows(Address(name), WeightFormat.Of(type), columns)
            : GgufRows.FormatOf(info.Type) is not null ? new GgufRows(Address(name), info.Type, columns)
            : throw new CheckpointException(
                Path,
                $"tensor '{Find(name)}' is {info}, which is not read; read are F32, F16, BF16, Q4_0, Q4_1, Q5_0, Q8_0, Q4_K, Q5_K and "
                    + "Q6_K. Take a file in Q4_K_M, Q6_K or Q8_0");
        return info.Shape.Length == 2 && Order(name, info.Shape[0]) is { } order ? new OrderedRows(rows, order) : rows;
    }

    /// <inheritdoc/>
    internal override void ReadAhead(string name) =>
        file.ReadAhead(Find(name), Info(name).Length is var length && GgufRows.FormatOf(Info(name).Type) is not null ? length : length * 4);

    /// <inheritdoc/>
    protected override void Dispose(bool disposing) => file.Dispose();

    // Half-split rope turns row i of a head with row i + half; llama.cpp has these two side by side.
    private Func<long, long>? Order(string name, long rows)
    {
        int heads = !architecture.PairsRows ? 0
            : name.Contains(".q_proj.", StringComparison.Ordinal) ? queryHeads
            : name.Contains(".k_proj.", StringComparison.Ordinal) ? keyHeads : 0;
        if (heads == 0 || rows % heads != 0 || rows / heads % 2 != 0)
        {
            return null;
        }

        long dim = rows / heads, half = dim / 2;
        return row =>
        {
            (long head, long i) = Math.DivRem(row, dim);
            return (head * dim) + (i % half * 2) + (i / half);
        };
    }

    private string Find(string name) => names.TryGetValue(name, out string? tensor) ? tensor
        : throw new CheckpointException(
            Path,
            $"has no tensor '{architecture.GgufName(name) ?? name}'{(architecture.GgufName(name) is null ? "" : $", which is {name}")}");
}
