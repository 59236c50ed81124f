using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Text.Json;

namespace Kernels.Decoding;

/// <summary>
/// Reads and validates the JSON parts of a safetensors checkpoint. A file is an 8-byte little-endian header length, a JSON
/// header, and the data; the header gives each tensor's type, shape and byte range within the data, and the ranges must
/// cover the data without overlap or hole.
/// </summary>
internal static class SafeTensorsHeader
{
    /// <summary>Bytes of the header length.</summary>
    public const int PrefixLength = 8;

    /// <summary>The longest header that the format's own library accepts, with its prefix.</summary>
    public const int MaxLength = 100_000_000 + PrefixLength;

    private static readonly (string Name, TensorType Type, int Size)[] Types =
    [
        ("F32", TensorType.Float32, 4),
        ("F16", TensorType.Float16, 2),
        ("BF16", TensorType.BFloat16, 2),
        ("I32", TensorType.Int32, 4),
        ("I64", TensorType.Int64, 8),
        ("U8", TensorType.UInt8, 1),
        ("F8_E4M3", TensorType.Float8E4M3, 1),
        ("BOOL", TensorType.Other, 1),
        ("I8", TensorType.Other, 1),
        ("I16", TensorType.Other, 2),
        ("U16", TensorType.Other, 2),
        ("U32", TensorType.Other, 4),
        ("U64", TensorType.Other, 8),
        ("F64", TensorType.Other, 8),
        ("C64", TensorType.Other, 8),
        ("F8_E5M2", TensorType.Other, 1),
        ("F8_E8M0", TensorType.Other, 1),
    ];

    /// <summary>The name of a type in a file.</summary>
    public static string NameOf(TensorType type) => Array.Find(Types, t => t.Type == type).Name ?? type.ToString();

    /// <param name="path">The file, for messages.</param>
    /// <param name="bytes">The beginning of the file: all of it, or at least <see cref="MaxLength"/> bytes.</param>
    /// <param name="fileLength">Bytes of the whole file.</param>
    /// <returns>The tensors by name, with offsets from the beginning of the file.</returns>
    public static Dictionary<string, SafeTensorsEntry> Read(string path, ReadOnlySpan<byte> bytes, long fileLength)
    {
        ulong headerLength = BinaryPrimitives.ReadUInt64LittleEndian(bytes);
        if (headerLength > MaxLength - PrefixLength)
        {
            throw new CheckpointException(
                path, $"claims a header of {headerLength} bytes, over the format's limit of {MaxLength - PrefixLength}");
        }

        if ((long)headerLength > fileLength - PrefixLength)
        {
            throw new CheckpointException(path, $"claims a header of {headerLength} bytes, but only {fileLength - PrefixLength} follow");
        }

        long dataStart = PrefixLength + (long)headerLength;
        long dataLength = fileLength - dataStart;
        var entries = new Dictionary<string, SafeTensorsEntry>(StringComparer.Ordinal);
        var ranges = new List<(long Begin, long End, string Name)>();
        using JsonDocument document = Parse(path, bytes.Slice(PrefixLength, (int)headerLength));
        if (document.RootElement.ValueKind != JsonValueKind.Object)
        {
            throw new CheckpointException(path, "has a header that is not a JSON object");
        }

        foreach (JsonProperty property in document.RootElement.EnumerateObject())
        {
            if (property.Name == "__metadata__")
            {
                continue;
            }

            (TensorInfo info, long begin, long end) = ReadTensor(path, property.Name, property.Value, dataLength);
            if (!entries.TryAdd(property.Name, new SafeTensorsEntry(info, dataStart + begin, end - begin)))
            {
                throw new CheckpointException(path, $"has the tensor '{property.Name}' twice");
            }

            ranges.Add((begin, end, property.Name));
        }

        CheckCover(path, ranges, dataLength);
        return entries;
    }

    /// <summary>Reads <c>weight_map</c> of an index: the shard's file name by the tensor's name.</summary>
    public static SortedDictionary<string, string> ReadIndex(string path)
    {
        using JsonDocument document = JsonFile.Open(path);
        if (document.RootElement.ValueKind != JsonValueKind.Object
            || !document.RootElement.TryGetProperty("weight_map", out JsonElement map)
            || map.ValueKind != JsonValueKind.Object)
        {
            throw new CheckpointException(path, "has no object 'weight_map'");
        }

        var result = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (JsonProperty property in map.EnumerateObject())
        {
            string? shard = property.Value.ValueKind == JsonValueKind.String ? property.Value.GetString() : null;

            // A plain file name: an index must not lead outside its folder.
            if (string.IsNullOrEmpty(shard) || shard is "." or ".." || shard.AsSpan().IndexOfAny('/', '\\', '\0') >= 0)
            {
                throw new CheckpointException(path, $"names no plain file for tensor '{property.Name}', but {property.Value.GetRawText()}");
            }

            if (!result.TryAdd(property.Name, shard))
            {
                throw new CheckpointException(path, $"has the tensor '{property.Name}' twice");
            }
        }

        return result;
    }

    private static JsonDocument Parse(string path, ReadOnlySpan<byte> json)
    {
        JsonFile.CheckText(path, json);
        try
        {
            var reader = new Utf8JsonReader(json);
            JsonDocument document = JsonDocument.ParseValue(ref reader);
            try
            {
                // Padding by white space is allowed; anything else after the object is not.
                while (reader.Read())
                {
                }
            }
            catch
            {
                document.Dispose();
                throw;
            }

            return document;
        }
        catch (JsonException e)
        {
            throw new CheckpointException(path, "has a header that is not JSON: " + e.Message, e);
        }
    }

    private static (TensorInfo Info, long Begin, long End) ReadTensor(string path, string name, JsonElement tensor, long dataLength)
    {
        if (tensor.ValueKind != JsonValueKind.Object
            || !tensor.TryGetProperty("dtype", out JsonElement dtype) || dtype.ValueKind != JsonValueKind.String
            || !tensor.TryGetProperty("shape", out JsonElement extents) || extents.ValueKind != JsonValueKind.Array
            || !tensor.TryGetProperty("data_offsets", out JsonElement offsets) || offsets.ValueKind != JsonValueKind.Array)
        {
            throw new CheckpointException(path, $"tensor '{name}' lacks one of dtype, shape and data_offsets");
        }

        string typeName = dtype.GetString()!;
        (string Name, TensorType Type, int Size) type = Array.Find(Types, t => t.Name == typeName);
        if (type.Name is null)
        {
            // Of a type that is not known the size is not checked; it is refused when it is read.
            type = (typeName.Length <= 40 ? typeName : typeName[..37] + "...", TensorType.Other, 0);
        }

        ImmutableArray<long> shape = ReadIntegers(path, name, "shape", extents);
        ImmutableArray<long> range = ReadIntegers(path, name, "data_offsets", offsets);
        if (range.Length != 2 || range[0] > range[1])
        {
            throw new CheckpointException(path, $"tensor '{name}' has the data_offsets {offsets.GetRawText()}, not a begin and an end");
        }

        if (range[1] > dataLength)
        {
            throw new CheckpointException(path, $"tensor '{name}' ends at byte {range[1]} of the data, but the file has only {dataLength}");
        }

        long length = 1;
        long bytes;
        try
        {
            foreach (long extent in shape)
            {
                length = checked(length * extent);
            }

            bytes = checked(length * type.Size);
        }
        catch (OverflowException)
        {
            throw new CheckpointException(path, $"tensor '{name}' has the shape {extents.GetRawText()}, more than any file holds");
        }

        if (type.Size > 0 && bytes != range[1] - range[0])
        {
            throw new CheckpointException(
                path, $"tensor '{name}' is {typeName} {extents.GetRawText()}, which is {bytes} bytes, but has {range[1] - range[0]}");
        }

        return (new TensorInfo(name, type.Type, shape, length) { StoredType = type.Name }, range[0], range[1]);
    }

    private static ImmutableArray<long> ReadIntegers(string path, string name, string key, JsonElement array)
    {
        ImmutableArray<long>.Builder result = ImmutableArray.CreateBuilder<long>(array.GetArrayLength());
        foreach (JsonElement element in array.EnumerateArray())
        {
            if (element.ValueKind != JsonValueKind.Number || !element.TryGetInt64(out long value) || value < 0)
            {
                throw new CheckpointException(path, $"tensor '{name}' has {element.GetRawText()} in its {key}, not an integer from 0");
            }

            result.Add(value);
        }

        return result.ToImmutable();
    }

    private static void CheckCover(string path, List<(long Begin, long End, string Name)> ranges, long dataLength)
    {
        ranges.Sort();
        long end = 0;
        string? previous = null;
        foreach ((long begin, long rangeEnd, string name) in ranges)
        {
            if (begin < end)
            {
                throw new CheckpointException(
                    path, $"tensor '{name}' begins at byte {begin} of the data, inside '{previous}', which ends at {end}");
            }

            if (begin > end)
            {
                throw new CheckpointException(
                    path, $"tensor '{name}' begins at byte {begin} of the data, but what is before it ends at {end}");
            }

            end = rangeEnd;
            previous = name;
        }

        if (end != dataLength)
        {
            throw new CheckpointException(path, $"has {dataLength} bytes of data, but its tensors end at {end}");
        }
    }
}
