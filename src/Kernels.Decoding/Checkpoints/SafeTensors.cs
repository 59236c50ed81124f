using System.Collections.Immutable;
using System.Runtime.InteropServices;

namespace Kernels.Decoding;

/// <summary>The element types that are read from a safetensors file.</summary>
public enum TensorType
{
    /// <summary>IEEE 754 binary32, <c>F32</c>; read as <see cref="float"/>.</summary>
    Float32,

    /// <summary>IEEE 754 binary16, <c>F16</c>; read as <see cref="Half"/>.</summary>
    Float16,

    /// <summary>bfloat16, <c>BF16</c>; read as <see cref="Kernels.BFloat16"/>.</summary>
    BFloat16,

    /// <summary><c>I32</c>; read as <see cref="int"/>.</summary>
    Int32,

    /// <summary><c>I64</c>; read as <see cref="long"/>.</summary>
    Int64,
}

/// <summary>One tensor of a checkpoint.</summary>
/// <param name="Name">Its name, unique in the checkpoint.</param>
/// <param name="Type">The type of its elements.</param>
/// <param name="Shape">Its extents, outermost first; empty for a scalar.</param>
/// <param name="Length">Its elements.</param>
public sealed record TensorInfo(string Name, TensorType Type, ImmutableArray<long> Shape, long Length)
{
    /// <summary>The type and the shape, as in <c>BF16 [768, 192]</c>.</summary>
    public override string ToString() => $"{SafeTensorsHeader.NameOf(Type)} [{string.Join(", ", Shape)}]";
}

/// <summary>
/// The tensors of a checkpoint: one memory-mapped <c>*.safetensors</c> file, or several with their index. Every header is
/// validated when the checkpoint is opened; no tensor reaches outside its file.
/// </summary>
/// <remarks>Spans point into the map: they are valid until the checkpoint is disposed. Reading is thread-safe.</remarks>
public sealed class SafeTensors : IDisposable
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
    public string Path { get; }

    /// <summary>The names of all tensors, in no order.</summary>
    public IReadOnlyCollection<string> Names => tensors.Keys;

    /// <summary>The type that most elements of its matrices have, of the three that weights may have; null if there are none.</summary>
    public ElementType? WeightType => tensors.Values.Select(tensor => tensor.Entry.Info).Where(info => info.Shape.Length > 1)
        .Select(info => (Type: DecoderWeights.ElementTypeOf(info.Type), info.Length)).Where(matrix => matrix.Type is not null)
        .GroupBy(matrix => matrix.Type).MaxBy(group => group.Sum(matrix => matrix.Length))?.Key;

    /// <summary>Opens a <c>*.safetensors</c> file, an index file, or a folder that has either.</summary>
    /// <exception cref="CheckpointException">There is no checkpoint, or a file of it is not well-formed.</exception>
    public static SafeTensors Open(string path)
    {
        if (!Directory.Exists(path))
        {
            return path.EndsWith(".json", StringComparison.OrdinalIgnoreCase) ? OpenIndex(path) : OpenFile(path);
        }

        // The index wins: a folder that was saved twice may have both, and the index says so explicitly.
        string index = System.IO.Path.Combine(path, IndexFileName);
        string single = System.IO.Path.Combine(path, SingleFileName);
        return File.Exists(index) ? OpenIndex(index)
            : File.Exists(single) ? OpenFile(single)
            : throw new CheckpointException(path, $"has neither {SingleFileName} nor {IndexFileName}");
    }

    /// <summary>Whether the checkpoint has a tensor of this name.</summary>
    public bool Contains(string name) => tensors.ContainsKey(name);

    /// <summary>The type and shape of a tensor.</summary>
    /// <exception cref="CheckpointException">There is no such tensor.</exception>
    public TensorInfo Info(string name) => Find(name).Entry.Info;

    /// <summary>All elements of a tensor, straight from the map.</summary>
    /// <exception cref="CheckpointException">
    /// There is no such tensor, <typeparamref name="T"/> is not its type, or it has more elements than a span can hold.
    /// </exception>
    public ReadOnlySpan<T> Read<T>(string name) where T : unmanaged
    {
        TensorInfo info = Info(name);
        return info.Length <= int.MaxValue
            ? Read<T>(name, 0, (int)info.Length)
            : throw new CheckpointException(Path, $"tensor '{name}' has {info.Length} elements, more than one span can hold; read it in parts");
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
    public float[] ReadFloats(string name)
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
            default:
                throw new CheckpointException(Path, $"tensor '{name}' is {info}, not of a floating-point type");
        }
    }

    /// <summary>Unmaps the files. Spans that were read before are no longer valid.</summary>
    public void Dispose()
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
                        throw new CheckpointException(path, $"tensor '{name}' is in '{shard}', which is missing");
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

            foreach ((string shard, SafeTensorsFile file) in shards)
            {
                foreach (string name in file.Entries.Keys)
                {
                    if (!shardOf.TryGetValue(name, out string? indexed))
                    {
                        throw new CheckpointException(path, $"tensor '{name}' of '{shard}' is not in the index");
                    }

                    if (indexed != shard)
                    {
                        throw new CheckpointException(path, $"tensor '{name}' is in both '{indexed}' and '{shard}'");
                    }
                }
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
