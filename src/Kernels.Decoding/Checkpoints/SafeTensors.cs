using System.Runtime.InteropServices;

namespace Kernels.Decoding;

/// <summary>
/// The tensors of a checkpoint: one memory-mapped <c>*.safetensors</c> file, or several with their index. Every header is
/// validated when the checkpoint is opened; no tensor reaches outside its file.
/// </summary>
/// <remarks>Spans point into the map: they are valid until the checkpoint is disposed. Reading is thread-safe.</remarks>
internal sealed class SafeTensors : TensorSource
{
    /// <summary>The file name of a checkpoint in one file.</summary>
    public const string SingleFileName = "model.safetensors";

    /// <summary>The file name of the index of a checkpoint in several files.</summary>
    public const string IndexFileName = "model.safetensors.index.json";

    private readonly List<SafeTensorsFile> files;
    private readonly Dictionary<string, (SafeTensorsFile File, SafeTensorsEntry Entry)> tensors;

    private SafeTensors(string path, List<SafeTensorsFile> files, Dictionary<string, (SafeTensorsFile, SafeTensorsEntry)> tensors)
    {
        Path = path;
        this.files = files;
        this.tensors = tensors;
    }

    /// <summary>The file or folder that was opened.</summary>
    public override string Path { get; }

    /// <summary>The names of all tensors, in no order.</summary>
    public override IReadOnlyCollection<string> Names => tensors.Keys;

    /// <summary>Opens a <c>*.safetensors</c> file, an index file, or a folder that has either.</summary>
    /// <exception cref="CheckpointException">There is no checkpoint, or a file of it is not well-formed.</exception>
    public static SafeTensors Open(string path)
    {
        if (!Directory.Exists(path))
        {
            CheckpointFolder.CheckFile(path);
            return path.EndsWith(".json", StringComparison.OrdinalIgnoreCase) ? OpenIndex(path) : OpenFile(path);
        }

        // The index wins: a folder that was saved twice may have both, and the index says so explicitly.
        string index = System.IO.Path.Combine(path, IndexFileName);
        string single = System.IO.Path.Combine(path, SingleFileName);
        return File.Exists(index) ? OpenIndex(index)
            : File.Exists(single) ? OpenFile(single)
            : CheckpointFolder.OnlyWeights(path) is { } only ? OpenFile(only)
            : throw CheckpointFolder.WithoutWeights(path);
    }

    /// <summary>Whether the checkpoint has a tensor of this name.</summary>
    public override bool Contains(string name) => tensors.ContainsKey(name);

    /// <summary>The type and shape of a tensor.</summary>
    /// <exception cref="CheckpointException">There is no such tensor.</exception>
    public override TensorInfo Info(string name) => Find(name).Entry.Info;

    /// <summary>All elements of a tensor, straight from the map.</summary>
    /// <exception cref="CheckpointException">
    /// There is no such tensor, <typeparamref name="T"/> is not its type, or it has more elements than a span can hold.
    /// </exception>
    public ReadOnlySpan<T> Read<T>(string name) where T : unmanaged
    {
        TensorInfo info = Info(name);
        return info.Length <= int.MaxValue
            ? Read<T>(name, 0, (int)info.Length)
            : throw new CheckpointException(
                Path, $"tensor '{name}' has {info.Length} elements, more than one span can hold; read it in parts");
    }

    /// <summary>A run of a tensor's elements, in row-major order, straight from the map.</summary>
    /// <param name="name">The tensor.</param>
    /// <param name="start">The first element.</param>
    /// <param name="count">How many elements.</param>
    /// <exception cref="CheckpointException">There is no such tensor, or <typeparamref name="T"/> is not its type.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The run is not inside the tensor.</exception>
    public ReadOnlySpan<T> Read<T>(string name, long start, int count) where T : unmanaged
    {
        (SafeTensorsFile file, SafeTensorsEntry entry) = Find(name);
        if (TypeOf<T>() != entry.Info.Type)
        {
            throw new CheckpointException(file.Path, $"tensor '{name}' is {entry.Info}, not of {typeof(T).Name}");
        }

        ArgumentOutOfRangeException.ThrowIfNegative(start);
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(start, entry.Info.Length - count);
        int size = System.Runtime.CompilerServices.Unsafe.SizeOf<T>();
        return file.Span<T>(entry.Offset + (start * size), count);
    }

    /// <summary>The tensor's elements as float32, whichever of the three floating-point types it is stored in.</summary>
    /// <exception cref="CheckpointException">There is no such tensor, or it is of integers.</exception>
    public override float[] ReadFloats(string name)
    {
        TensorInfo info = Info(name);
        switch (info.Type)
        {
            case TensorType.Float32:
                return Read<float>(name).ToArray();
            case TensorType.Float16:
                return Widen<Half>(Read<Half>(name), static h => (float)h);
            case TensorType.BFloat16:
                return Widen<BFloat16>(Read<BFloat16>(name), static b => b);
            case TensorType.Float8E4M3:
                throw new CheckpointException(Path, $"tensor '{name}' is {info}, which is read with its scales as a matrix only");
            default:
                throw new CheckpointException(
                    Path, $"tensor '{name}' is {info}, not of a floating-point type that is read: F32, F16 or BF16");
        }
    }

    /// <inheritdoc/>
    internal override unsafe byte* Address(string name)
    {
        (SafeTensorsFile file, SafeTensorsEntry entry) = Find(name);
        return file.Address(entry.Offset, entry.Bytes);
    }

    /// <inheritdoc/>
    internal override unsafe WeightRows Rows(string name, int columns, QuantizationConfig? quantization)
    {
        TensorInfo info = Info(name);
        if (DecoderWeights.ElementTypeOf(info.Type) is { } type)
        {
            return new PlainRows(Address(name), WeightFormat.Of(type), columns);
        }

        if (info.Type != TensorType.Float8E4M3)
        {
            throw new CheckpointException(
                Path, $"tensor '{name}' is {info}, not of a type that weights may have: F32, F16, BF16, or F8_E4M3 in blocks");
        }

        string scaleName = name + "_scale_inv";
        if (quantization is not { Method: QuantizationMethod.Fp8Blocks } blocks)
        {
            throw new CheckpointException(
                Path, $"tensor '{name}' is {info}, but the configuration has no quantization_config of fp8 with a weight_block_size");
        }

        if (!Contains(scaleName))
        {
            throw new CheckpointException(Path, $"tensor '{name}' is {info}, but has no scales '{scaleName}'");
        }

        long rows = info.Length / columns;
        long[] expected = [((rows - 1) / blocks.BlockRows) + 1, ((columns - 1) / blocks.BlockColumns) + 1];
        TensorInfo scales = Info(scaleName);
        return scales.Shape.AsSpan().SequenceEqual(expected)
            ? new Fp8Rows(Address(name), ReadFloats(scaleName), columns, blocks.BlockRows, blocks.BlockColumns)
            : throw new CheckpointException(
                Path,
                $"tensor '{scaleName}' is {scales}; for blocks of {blocks.BlockRows} × {blocks.BlockColumns} it should be "
                    + $"[{string.Join(", ", expected)}]");
    }

    /// <inheritdoc/>
    internal override void ReadAhead(string name)
    {
        if (tensors.TryGetValue(name, out (SafeTensorsFile File, SafeTensorsEntry Entry) found))
        {
            found.File.ReadAhead(found.Entry.Offset, found.Entry.Bytes);
        }
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        foreach (SafeTensorsFile file in files)
        {
            file.Dispose();
        }
    }

    private static float[] Widen<T>(ReadOnlySpan<T> source, Func<T, float> convert) where T : unmanaged
    {
        var result = new float[source.Length];
        for (int i = 0; i < result.Length; i++)
        {
            result[i] = convert(source[i]);
        }

        return result;
    }

    private static TensorType TypeOf<T>() where T : unmanaged =>
        typeof(T) == typeof(float) ? TensorType.Float32
        : typeof(T) == typeof(Half) ? TensorType.Float16
        : typeof(T) == typeof(BFloat16) ? TensorType.BFloat16
        : typeof(T) == typeof(int) ? TensorType.Int32
        : typeof(T) == typeof(long) ? TensorType.Int64
        : typeof(T) == typeof(byte) ? TensorType.UInt8
        : throw new ArgumentException($"No tensor type is read as {typeof(T)}.");

    private (SafeTensorsFile File, SafeTensorsEntry Entry) Find(string name) =>
        tensors.TryGetValue(name, out (SafeTensorsFile, SafeTensorsEntry) found)
            ? found
            : throw new CheckpointException(Path, $"has no tensor '{name}'");

    private static SafeTensors OpenFile(string path)
    {
        var file = SafeTensorsFile.Open(path);
        return new SafeTensors(path, [file], file.Entries.ToDictionary(e => e.Key, e => (file, e.Value), StringComparer.Ordinal));
    }

    private static SafeTensors OpenIndex(string path)
    {
        SortedDictionary<string, string> shardOf = SafeTensorsHeader.ReadIndex(path);
        string folder = System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(path))!;
        var shards = new Dictionary<string, SafeTensorsFile>(StringComparer.Ordinal);
        var tensors = new Dictionary<string, (SafeTensorsFile, SafeTensorsEntry)>(StringComparer.Ordinal);
        try
        {
            foreach ((string name, string shard) in shardOf)
            {
                if (!shards.TryGetValue(shard, out SafeTensorsFile? file))
                {
                    string shardPath = System.IO.Path.Combine(folder, shard);
                    if (!File.Exists(shardPath))
                    {
                        string[] missing = [.. shardOf.Values.Distinct().Where(file => !File.Exists(System.IO.Path.Combine(folder, file)))];
                        throw new CheckpointException(
                            path,
                            $"tensor '{name}' is in '{shard}', which is missing{(missing.Length > 1 ? $", as are {missing.Length - 1} "
                                + $"others of {shardOf.Values.Distinct().Count()} files" : "")}. Download it again");
                    }

                    file = SafeTensorsFile.Open(shardPath);
                    shards.Add(shard, file);
                }

                if (!file.Entries.TryGetValue(name, out SafeTensorsEntry? entry))
                {
                    throw new CheckpointException(path, $"tensor '{name}' is not in '{shard}', where the index says it is");
                }

                tensors.Add(name, (file, entry));
            }
        }
        catch
        {
            foreach (SafeTensorsFile file in shards.Values)
            {
                file.Dispose();
            }

            throw;
        }

        return new SafeTensors(path, [.. shards.Values], tensors);
    }
}
