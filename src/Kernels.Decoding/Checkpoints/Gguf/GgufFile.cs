using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Globalization;
using System.Text;

namespace Kernels.Decoding;

/// <summary>
/// A memory-mapped GGUF file, version 2 or 3: metadata by key, and tensors under the names that llama.cpp gives them. All of it is
/// validated when the file is opened: counts and lengths against the bytes that are there, tensors against the file's end and each other.
/// </summary>
/// <remarks>Reading is thread-safe until the file is disposed.</remarks>
internal sealed unsafe class GgufFile : IDisposable
{
    private const int HeaderBytes = 24;
    private const int MostExtents = 8;

    // Arrays in arrays are allowed, though nobody writes them.
    private const int MostDepth = 4;

    private static readonly Dictionary<uint, (string Name, TensorType Type, int Columns, int Bytes)> TensorTypes = new()
    {
        [0] = ("F32", TensorType.Float32, 1, 4),
        [1] = ("F16", TensorType.Float16, 1, 2),
        [2] = ("Q4_0", TensorType.Q4_0, 32, 18),
        [3] = ("Q4_1", TensorType.Q4_1, 32, 20),
        [6] = ("Q5_0", TensorType.Q5_0, 32, 22),
        [7] = ("Q5_1", TensorType.Other, 32, 24),
        [8] = ("Q8_0", TensorType.Q8_0, 32, 34),
        [9] = ("Q8_1", TensorType.Other, 32, 36),
        [10] = ("Q2_K", TensorType.Other, 256, 84),
        [11] = ("Q3_K", TensorType.Other, 256, 110),
        [12] = ("Q4_K", TensorType.Q4_K, 256, 144),
        [13] = ("Q5_K", TensorType.Q5_K, 256, 176),
        [14] = ("Q6_K", TensorType.Q6_K, 256, 210),
        [16] = ("IQ2_XXS", TensorType.Other, 256, 66),
        [17] = ("IQ2_XS", TensorType.Other, 256, 74),
        [18] = ("IQ3_XXS", TensorType.Other, 256, 98),
        [19] = ("IQ1_S", TensorType.Other, 256, 50),
        [20] = ("IQ4_NL", TensorType.Other, 32, 18),
        [21] = ("IQ3_S", TensorType.Other, 256, 110),
        [22] = ("IQ2_S", TensorType.Other, 256, 82),
        [23] = ("IQ4_XS", TensorType.Other, 256, 136),
        [24] = ("I8", TensorType.Other, 1, 1),
        [25] = ("I16", TensorType.Other, 1, 2),
        [26] = ("I32", TensorType.Int32, 1, 4),
        [27] = ("I64", TensorType.Int64, 1, 8),
        [28] = ("F64", TensorType.Other, 1, 8),
        [29] = ("IQ1_M", TensorType.Other, 256, 56),
        [30] = ("BF16", TensorType.BFloat16, 1, 2),
        [39] = ("MXFP4", TensorType.Other, 32, 17),
    };

    private readonly MappedFile map;
    private readonly Dictionary<string, (GgufValueType Type, long Offset)> values = new(StringComparer.Ordinal);
    private readonly Dictionary<string, (TensorInfo Info, long Offset)> tensors = new(StringComparer.Ordinal);

    private GgufFile(MappedFile map)
    {
        this.map = map;
        var reader = new Reader(this, 0);
        if (!new ReadOnlySpan<byte>(map.Start, 4).SequenceEqual("GGUF"u8))
        {
            throw Wrong("is no GGUF file: it does not begin with 'GGUF'");
        }

        reader.Skip(4);
        uint version = reader.UInt32();
        if (version is not (2 or 3))
        {
            throw Wrong(BinaryPrimitives.ReverseEndianness(version) is 2 or 3
                ? "is a big-endian GGUF file; little-endian ones are read"
                : $"is GGUF of version {version}; versions 2 and 3 are read");
        }

        ulong tensorCount = reader.UInt64(), valueCount = reader.UInt64();

        // A tensor takes 24 bytes at least, and a value 13: counts that the file cannot hold are not allocated for.
        if (tensorCount > (ulong)(map.Length / 24) || valueCount > (ulong)(map.Length / 13))
        {
            throw Wrong($"claims {tensorCount} tensors and {valueCount} values of metadata, more than its {map.Length} bytes hold");
        }

        for (ulong i = 0; i < valueCount; i++)
        {
            string key = reader.Text();
            GgufValueType type = reader.Type(key);
            if (!values.TryAdd(key, (type, reader.Offset)))
            {
                throw Wrong($"has the key '{Short(key)}' twice");
            }

            reader.SkipValue(key, type, depth: 0);
        }

        ReadTensors(ref reader, tensorCount);
    }

    /// <summary>The file.</summary>
    public string Path => map.Path;

    /// <summary>All keys of the metadata, in no order.</summary>
    public IReadOnlyCollection<string> Keys => values.Keys;

    /// <summary>The names of all tensors, in no order.</summary>
    public IReadOnlyCollection<string> TensorNames => tensors.Keys;

    /// <summary>What the model is: <c>general.architecture</c>.</summary>
    public string Architecture => OptionalText("general.architecture") ?? throw Wrong("has no key 'general.architecture'");

    /// <summary>The tokenizer's kind: <c>gpt2</c> is byte-level BPE, <c>llama</c> SentencePiece; null if there is none.</summary>
    public string? TokenizerModel => OptionalText("tokenizer.ggml.model");

    /// <summary>How the tokenizer splits text before merging, by the name of a model: <c>tokenizer.ggml.pre</c>.</summary>
    public string? PreTokenizer => OptionalText("tokenizer.ggml.pre");

    /// <summary>The tokens by id, as the tokenizer's kind writes them.</summary>
    public ImmutableArray<string> Tokens => Texts("tokenizer.ggml.tokens");

    /// <summary>The merges of BPE, pairs with a space between, the first merged first.</summary>
    public ImmutableArray<string> Merges => Texts("tokenizer.ggml.merges");

    /// <summary>The scores of tokens by id (SentencePiece); empty if there are none.</summary>
    public ImmutableArray<float> Scores => [.. Numbers("tokenizer.ggml.scores").Select(n => (float)n)];

    /// <summary>
    /// The types of tokens by id: 1 normal, 2 unknown, 3 control, 4 user-defined, 5 unused, 6 byte; empty if there are none.
    /// </summary>
    public ImmutableArray<int> TokenTypes => [.. Numbers("tokenizer.ggml.token_type").Select(n => (int)n)];

    /// <summary>The token that begins a text.</summary>
    public int? BosTokenId => TokenId("tokenizer.ggml.bos_token_id");

    /// <summary>The token that ends a text.</summary>
    public int? EosTokenId => TokenId("tokenizer.ggml.eos_token_id");

    /// <summary>The token that ends a turn, where it is another.</summary>
    public int? EotTokenId => TokenId("tokenizer.ggml.eot_token_id");

    /// <summary>Whether the tokenizer puts the token that begins a text before it; null if the file does not say.</summary>
    public bool? AddsBos => OptionalFlag("tokenizer.ggml.add_bos_token");

    /// <summary>Whether the tokenizer puts a space before a text (SentencePiece); null if the file does not say.</summary>
    public bool? AddsSpacePrefix => OptionalFlag("tokenizer.ggml.add_space_prefix");

    /// <summary>The chat template, in Jinja; null if there is none.</summary>
    public string? ChatTemplate => OptionalText("tokenizer.chat_template");

    /// <summary>Opens a file.</summary>
    /// <exception cref="CheckpointException">It cannot be opened, or is not well-formed.</exception>
    public static GgufFile Open(string path)
    {
        CheckpointFolder.CheckFile(path);
        MappedFile map = MappedFile.Open(path, HeaderBytes, "a GGUF header");
        try
        {
            return new GgufFile(map);
        }
        catch
        {
            map.Dispose();
            throw;
        }
    }

    /// <summary>Whether the metadata has a key.</summary>
    public bool Has(string key) => values.ContainsKey(key);

    /// <summary>A text, if the key is there.</summary>
    /// <exception cref="CheckpointException">It is no text.</exception>
    public string? OptionalText(string key) =>
        !values.TryGetValue(key, out var value) ? null
        : value.Type == GgufValueType.Text ? new Reader(this, value.Offset).Text()
        : throw Wrong($"'{Short(key)}' is {value.Type}, not a text");

    /// <summary>A truth value, if the key is there.</summary>
    /// <exception cref="CheckpointException">It is none.</exception>
    public bool? OptionalFlag(string key) =>
        !values.TryGetValue(key, out var value) ? null
        : value.Type == GgufValueType.Bool ? *map.Address(value.Offset, 1) != 0
        : throw Wrong($"'{Short(key)}' is {value.Type}, not a truth value");

    /// <summary>
    /// An integer from 0 that fits 32 bits, if the key is there; of an array, which has one for each layer, the only value.
    /// </summary>
    /// <exception cref="CheckpointException">It is none, or the array has different ones.</exception>
    public int? OptionalCount(string key)
    {
        if (!values.TryGetValue(key, out var value))
        {
            return null;
        }

        double[] numbers = value.Type == GgufValueType.Array
            ? [.. Numbers(key).Distinct()] : [new Reader(this, value.Offset).Number(key, value.Type)];
        return numbers is [>= 0 and <= int.MaxValue and double number] && number == Math.Floor(number)
            ? (int)number
            : throw Wrong(
                $"'{Short(key)}' is {(numbers.Length == 1 ? numbers[0].ToString(CultureInfo.InvariantCulture) : $"{numbers.Length} "
                    + "different numbers")}, not a count");
    }

    /// <summary>A number, if the key is there.</summary>
    /// <exception cref="CheckpointException">It is none.</exception>
    public double? OptionalNumber(string key) =>
        values.TryGetValue(key, out var value) ? new Reader(this, value.Offset).Number(key, value.Type) : null;

    /// <summary>A list of texts; empty if the key is missing.</summary>
    /// <exception cref="CheckpointException">It is another value.</exception>
    public ImmutableArray<string> Texts(string key)
    {
        if (!values.ContainsKey(key))
        {
            return [];
        }

        (GgufValueType type, long count, Reader reader) = OpenArray(key);
        if (type != GgufValueType.Text)
        {
            throw Wrong($"'{Short(key)}' is a list of {type}, not of texts");
        }

        ImmutableArray<string>.Builder result = ImmutableArray.CreateBuilder<string>(checked((int)count));
        for (long i = 0; i < count; i++)
        {
            result.Add(reader.Text());
        }

        return result.ToImmutable();
    }

    /// <summary>A list of numbers, or of truth values as 0 and 1; empty if the key is missing.</summary>
    /// <exception cref="CheckpointException">It is another value.</exception>
    public ImmutableArray<double> Numbers(string key)
    {
        if (!values.ContainsKey(key))
        {
            return [];
        }

        (GgufValueType type, long count, Reader reader) = OpenArray(key);
        ImmutableArray<double>.Builder result = ImmutableArray.CreateBuilder<double>(checked((int)Math.Min(count, map.Length)));
        for (long i = 0; i < count; i++)
        {
            result.Add(reader.Number(key, type));
        }

        return result.ToImmutable();
    }

    /// <summary>The type and shape of a tensor, outermost extent first; null if there is none of this name.</summary>
    public TensorInfo? Tensor(string name) => tensors.TryGetValue(name, out var tensor) ? tensor.Info : null;

    /// <summary>The bytes of a tensor are valid until the file is disposed.</summary>
    internal byte* Address(string name) => map.Address(tensors[name].Offset, 0);

    /// <summary>Asks the operating system to read a tensor that will be needed soon.</summary>
    internal void ReadAhead(string name, long bytes) =>
        map.ReadAhead(tensors[name].Offset, Math.Min(bytes, map.Length - tensors[name].Offset));

    /// <summary>Unmaps the file.</summary>
    public void Dispose() => map.Dispose();

    /// <summary>An error of this file.</summary>
    internal CheckpointException Wrong(string message) => new(Path, message);

    private static string Short(string text) => text.Length <= 60 ? text : text[..57] + "...";

    private int? TokenId(string key) => OptionalCount(key);

    private (GgufValueType Type, long Count, Reader Reader) OpenArray(string key)
    {
        (GgufValueType type, long offset) = values[key];
        if (type != GgufValueType.Array)
        {
            throw Wrong($"'{Short(key)}' is {type}, not a list");
        }

        var reader = new Reader(this, offset);
        GgufValueType element = reader.Type(key);
        return (element, (long)reader.UInt64(), reader);
    }

    private void ReadTensors(ref Reader reader, ulong count)
    {
        var found = new List<(string Name, TensorInfo Info, ulong Offset, long Bytes)>();
        for (ulong i = 0; i < count; i++)
        {
            string name = reader.Text();
            uint extents = reader.UInt32();
            if (extents > MostExtents)
            {
                throw Wrong($"tensor '{Short(name)}' has {extents} extents");
            }

            var shape = new long[extents];
            for (int e = shape.Length - 1; e >= 0; e--)
            {
                ulong extent = reader.UInt64();
                shape[e] = extent <= long.MaxValue ? (long)extent : throw Wrong($"tensor '{Short(name)}' has an extent of {extent}");
            }

            uint number = reader.UInt32();
            ulong offset = reader.UInt64();
            if (!TensorTypes.TryGetValue(number, out (string Name, TensorType Type, int Columns, int Bytes) type))
            {
                type = ($"type {number}", TensorType.Other, 1, 0);
            }

            long length = 1, bytes;
            try
            {
                foreach (long extent in shape)
                {
                    length = checked(length * extent);
                }

                bytes = checked(length / type.Columns * type.Bytes);
            }
            catch (OverflowException)
            {
                throw Wrong($"tensor '{Short(name)}' has the shape [{string.Join(", ", shape)}], more than any file holds");
            }

            if (shape.Length > 0 && shape[^1] % type.Columns != 0)
            {
                throw Wrong($"tensor '{Short(name)}' is {type.Name} with rows of {shape[^1]}, not a multiple of {type.Columns}");
            }

            found.Add((name, new TensorInfo(name, type.Type, [.. shape], length) { StoredType = type.Name }, offset, bytes));
        }

        int alignment = OptionalCount("general.alignment") ?? 32;
        if (alignment is 0 or > 1 << 20 || alignment % 8 != 0)
        {
            throw Wrong($"'general.alignment' is {alignment}, not a multiple of 8 up to 1048576");
        }

        long start = (reader.Offset + alignment - 1) / alignment * alignment;
        long end = start;
        string previous = string.Empty;
        foreach ((string name, TensorInfo info, ulong offset, long bytes) in found.OrderBy(tensor => tensor.Offset)
            .ThenBy(tensor => tensor.Bytes))
        {
            if (offset % (ulong)alignment != 0)
            {
                throw Wrong($"tensor '{Short(name)}' begins at byte {offset} of the data, not a multiple of {alignment}");
            }

            if (offset > (ulong)map.Length || (long)offset > map.Length - start - bytes)
            {
                throw Wrong(
                    $"tensor '{Short(name)}' ends {(offset > (ulong)map.Length ? "far " : "")}beyond the file's {map.Length} bytes: the "
                        + "file is incomplete, download it again");
            }

            if (start + (long)offset < end)
            {
                throw Wrong($"tensor '{Short(name)}' begins at byte {offset} of the data, inside '{Short(previous)}'");
            }

            if (!tensors.TryAdd(name, (info, start + (long)offset)))
            {
                throw Wrong($"has the tensor '{Short(name)}' twice");
            }

            end = start + (long)offset + bytes;
            previous = name;
        }
    }

    /// <summary>Reads on from a byte of the file, and no further than its end.</summary>
    private struct Reader(GgufFile file, long offset)
    {
        public long Offset { get; private set; } = offset;

        private readonly long Left => file.map.Length - Offset;

        public uint UInt32() => BinaryPrimitives.ReadUInt32LittleEndian(Take(4));

        public ulong UInt64() => BinaryPrimitives.ReadUInt64LittleEndian(Take(8));

        public void Skip(long bytes)
        {
            if (bytes > Left)
            {
                throw Ended();
            }

            Offset += bytes;
        }

        public string Text()
        {
            ulong length = UInt64();
            return length <= (ulong)Left && length <= int.MaxValue ? Encoding.UTF8.GetString(Take((int)length)) : throw Ended();
        }

        public GgufValueType Type(string key)
        {
            uint type = UInt32();
            return type <= (uint)GgufValueType.Float64
                ? (GgufValueType)type : throw file.Wrong($"'{Short(key)}' has a value of type {type}, which there is not");
        }

        public double Number(string key, GgufValueType type) => type switch
        {
            GgufValueType.UInt8 or GgufValueType.Bool => Take(1)[0],
            GgufValueType.Int8 => (sbyte)Take(1)[0],
            GgufValueType.UInt16 => BinaryPrimitives.ReadUInt16LittleEndian(Take(2)),
            GgufValueType.Int16 => BinaryPrimitives.ReadInt16LittleEndian(Take(2)),
            GgufValueType.UInt32 => UInt32(),
            GgufValueType.Int32 => (int)UInt32(),
            GgufValueType.Float32 => BinaryPrimitives.ReadSingleLittleEndian(Take(4)),
            GgufValueType.UInt64 => UInt64(),
            GgufValueType.Int64 => (long)UInt64(),
            GgufValueType.Float64 => BinaryPrimitives.ReadDoubleLittleEndian(Take(8)),
            _ => throw file.Wrong($"'{Short(key)}' is {type}, not a number"),
        };

        public void SkipValue(string key, GgufValueType type, int depth)
        {
            if (type == GgufValueType.Text)
            {
                ulong length = UInt64();
                Skip(length <= long.MaxValue ? (long)length : throw Ended());
            }
            else if (type == GgufValueType.Array)
            {
                GgufValueType element = Type(key);
                ulong count = UInt64();
                int least = element switch { GgufValueType.Text => 8, GgufValueType.Array => 12, _ => Size(element) };
                if (count > (ulong)(Left / least))
                {
                    throw file.Wrong($"'{Short(key)}' claims {count} values, more than the file holds");
                }

                if (element is not (GgufValueType.Text or GgufValueType.Array))
                {
                    Skip((long)count * least);
                    return;
                }

                if (depth == MostDepth)
                {
                    throw file.Wrong($"'{Short(key)}' is lists in lists, more than {MostDepth} deep");
                }

                for (ulong i = 0; i < count; i++)
                {
                    SkipValue(key, element, depth + 1);
                }
            }
            else
            {
                Skip(Size(type));
            }
        }

        private static int Size(GgufValueType type) => type switch
        {
            GgufValueType.UInt8 or GgufValueType.Int8 or GgufValueType.Bool => 1,
            GgufValueType.UInt16 or GgufValueType.Int16 => 2,
            GgufValueType.UInt32 or GgufValueType.Int32 or GgufValueType.Float32 => 4,
            _ => 8,
        };

        private ReadOnlySpan<byte> Take(int bytes)
        {
            if (bytes > Left)
            {
                throw Ended();
            }

            var span = new ReadOnlySpan<byte>(file.map.Address(Offset, bytes), bytes);
            Offset += bytes;
            return span;
        }

        private readonly CheckpointException Ended() =>
            file.Wrong($"ends at byte {file.map.Length}, within its metadata: the file is incomplete, download it again");
    }
}
