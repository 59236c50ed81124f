using Xunit;

namespace Kernels.Decoding.Tests;

public sealed class SafeTensorsTests
{
    [Fact]
    public void ReadsTensorsOfTheTypesItKnows()
    {
        using var folder = new TemporaryFolder();
        const string Header = """
            {"__metadata__": {"format": "pt"},
             "f": {"dtype": "F32", "shape": [2, 1], "data_offsets": [0, 8]},
             "h": {"dtype": "F16", "shape": [2], "data_offsets": [8, 12]},
             "b": {"dtype": "BF16", "shape": [], "data_offsets": [12, 14]},
             "i": {"dtype": "I32", "shape": [1], "data_offsets": [14, 18]},
             "l": {"dtype": "I64", "shape": [1], "data_offsets": [18, 26]},
             "none": {"dtype": "F32", "shape": [3, 0], "data_offsets": [26, 26]}}   
            """;
        byte[] data =
        [
            .. BitConverter.GetBytes(1.5f), .. BitConverter.GetBytes(-2f),
            .. BitConverter.GetBytes((Half)0.25f), .. BitConverter.GetBytes((Half)8f),
            .. BitConverter.GetBytes(((BFloat16)3f).ToBits()),
            .. BitConverter.GetBytes(-7),
            .. BitConverter.GetBytes(1L << 40),
        ];
        string path = folder.Write("model.safetensors", SafeTensorsBuilder.File(Header, data));

        using SafeTensors file = SafeTensors.Open(path);

        Assert.Equal(["b", "f", "h", "i", "l", "none"], file.Names.Order(StringComparer.Ordinal));
        Assert.Equal([1.5f, -2f], file.Read<float>("f").ToArray());
        Assert.Equal([(Half)0.25f, (Half)8f], file.Read<Half>("h").ToArray());
        Assert.Equal([(BFloat16)3f], file.Read<BFloat16>("b").ToArray());
        Assert.Equal([-7], file.Read<int>("i").ToArray());
        Assert.Equal([1L << 40], file.Read<long>("l").ToArray());
        Assert.Empty(file.Read<float>("none").ToArray());
        Assert.Equal("F32 [2, 1]", file.Info("f").ToString());
        Assert.Equal([0.25f, 8f], file.ReadFloats("h"));
        Assert.Equal([3f], file.ReadFloats("b"));
        Assert.Equal([-2f], file.Read<float>("f", 1, 1).ToArray());
        Assert.Throws<ArgumentOutOfRangeException>(() => file.Read<float>("f", 1, 2).Length);
        Assert.Throws<ArgumentOutOfRangeException>(() => file.Read<float>("f", long.MaxValue, 1).Length);
        Assert.Throws<ArgumentOutOfRangeException>(() => file.Read<float>("f", -1, 1).Length);
        Assert.Contains(
            "'f' is F32 [2, 1], not of Half", Assert.Throws<CheckpointException>(() => file.Read<Half>("f").Length).Message,
            StringComparison.Ordinal);
        Assert.Contains("'i' is I32 [1]", Assert.Throws<CheckpointException>(() => file.ReadFloats("i")).Message, StringComparison.Ordinal);
        Assert.Contains("no tensor 'x'", Assert.Throws<CheckpointException>(() => file.Info("x")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void ReadsCheckpointsThatTransformersWrote()
    {
        using SafeTensors checkpoint = SafeTensors.Open(TestData.Folder("stories-gqa"));

        Assert.Equal("BF16 [768, 192]", checkpoint.Info("model.embed_tokens.weight").ToString());
        Assert.Equal(768 * 192, checkpoint.Read<BFloat16>("model.embed_tokens.weight").Length);
    }

    [Fact]
    public void RefusesReadsAfterItIsDisposed()
    {
        SafeTensors checkpoint = SafeTensors.Open(TestData.Folder("llama-gqa"));
        checkpoint.Dispose();
        checkpoint.Dispose();

        Assert.Throws<ObjectDisposedException>(() => checkpoint.Read<float>("model.norm.weight").Length);
    }

    public static TheoryData<string, string, int, ulong?, string> BadHeaders => new()
    {
        { "header length over the file", "{}", 0, 3, "claims a header of 3 bytes, but only 2 follow" },
        { "header length over the limit", "{}", 0, 100_000_001, "over the format's limit" },
        { "header length that is negative when signed", "{}", 0, ulong.MaxValue, "over the format's limit" },
        { "header length too short", """{"a": {}}""", 0, 4, "not JSON" },
        { "no JSON", "pickle", 0, null, "not JSON" },
        { "no object", "[]", 0, null, "not a JSON object" },
        { "empty", "", 0, null, "not JSON" },
        { "garbage after the object", "{} {}", 0, null, "not JSON" },
        { "no dtype", """{"a": {"shape": [1], "data_offsets": [0, 4]}}""", 4, null, "'a' lacks one of" },
        { "tensor that is no object", """{"a": 1}""", 4, null, "'a' lacks one of" },
        { "range past the file", """{"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}""", 4, null,
            "'a' ends at byte 8 of the data, but the file has only 4" },
        { "range far past the file",
            """{"a": {"dtype": "F32", "shape": [1], "data_offsets": [9223372036854775803, 9223372036854775807]}}""", 4, null,
            "'a' ends at byte" },
        { "range backwards", """{"a": {"dtype": "F32", "shape": [1], "data_offsets": [4, 0]}}""", 4, null, "'a' has the data_offsets" },
        { "range of three", """{"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4, 4]}}""", 4, null, "'a' has the data_offsets" },
        { "negative range", """{"a": {"dtype": "F32", "shape": [1], "data_offsets": [-4, 0]}}""", 4, null,
            "'a' has -4 in its data_offsets" },
        { "fraction in the shape", """{"a": {"dtype": "F32", "shape": [1.5], "data_offsets": [0, 4]}}""", 4, null,
            "'a' has 1.5 in its shape" },
        { "negative extent", """{"a": {"dtype": "F32", "shape": [-1], "data_offsets": [0, 4]}}""", 4, null, "'a' has -1 in its shape" },
        { "shape that overflows", """{"a": {"dtype": "F32", "shape": [4294967296, 4294967296], "data_offsets": [0, 4]}}""", 4, null,
            "'a' has the shape" },
        { "bytes that overflow", """{"a": {"dtype": "F32", "shape": [4611686018427387905], "data_offsets": [0, 4]}}""", 4, null,
            "'a' has the shape" },
        { "shape of other bytes", """{"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 4]}}""", 4, null,
            "'a' is F32 [2], which is 8 bytes, but has 4" },
        { "twice the name",
            """{"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}, "a": {"dtype": "F32", "shape": [1], "data_offsets": [4, 8]}}""", 8, null, "the tensor 'a' twice" },
        { "overlap",
            """{"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}, "b": {"dtype": "F32", "shape": [1], "data_offsets": [4, 8]}}""", 8, null, "'b' begins at byte 4 of the data, inside 'a'" },
        { "hole",
            """{"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}, "b": {"dtype": "F32", "shape": [1], "data_offsets": [8, 12]}}""", 12, null, "'b' begins at byte 8 of the data, but what is before it ends at 4" },
        { "data left over", """{"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}""", 5, null,
            "has 5 bytes of data, but its tensors end at 4" },
    };

    [Theory]
    [MemberData(nameof(BadHeaders))]
    public void RefusesAFileThatLies(string what, string header, int dataBytes, ulong? headerLength, string message)
    {
        Assert.NotEmpty(what);
        using var folder = new TemporaryFolder();
        string path = folder.Write("model.safetensors", SafeTensorsBuilder.File(header, new byte[dataBytes], headerLength));

        var error = Assert.Throws<CheckpointException>(() => SafeTensors.Open(path));

        Assert.StartsWith(path, error.Message, StringComparison.Ordinal);
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(7)]
    public void RefusesAFileTooShortForAHeaderLength(int bytes)
    {
        using var folder = new TemporaryFolder();
        string path = folder.Write("model.safetensors", new byte[bytes]);

        Assert.Contains(
            $"has {bytes} bytes", Assert.Throws<CheckpointException>(() => SafeTensors.Open(path)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void RefusesEveryTruncationOfAFile()
    {
        using var folder = new TemporaryFolder();
        byte[] whole = SafeTensorsBuilder.Vectors(("a", 3, 1), ("b", 2, 2));
        for (int length = 0; length < whole.Length; length++)
        {
            string path = folder.Write("model.safetensors", whole[..length]);
            Assert.Throws<CheckpointException>(() => SafeTensors.Open(path));
        }

        using SafeTensors file = SafeTensors.Open(folder.Write("model.safetensors", whole));
        Assert.Equal([2f, 2f], file.Read<float>("b").ToArray());
    }

    [Fact]
    public void RefusesWhatIsNotThere()
    {
        using var folder = new TemporaryFolder();

        Assert.Contains(
            "neither", Assert.Throws<CheckpointException>(() => SafeTensors.Open(folder.Path)).Message, StringComparison.Ordinal);
        Assert.Contains(
            "cannot be opened", Assert.Throws<CheckpointException>(() => SafeTensors.Open(folder.File("x.safetensors"))).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void ReadsShardsByTheirIndex()
    {
        using var folder = new TemporaryFolder();
        folder.Write("one.safetensors", SafeTensorsBuilder.Vectors(("a", 2, 1), ("b", 1, 2)));
        folder.Write("two.safetensors", SafeTensorsBuilder.Vectors(("c", 1, 3)));
        string index = folder.Write(SafeTensors.IndexFileName, Index(("a", "one"), ("b", "one"), ("c", "two")));

        foreach (string path in (string[])[folder.Path, index])
        {
            using SafeTensors checkpoint = SafeTensors.Open(path);
            Assert.Equal([1f, 1f], checkpoint.Read<float>("a").ToArray());
            Assert.Equal([2f], checkpoint.Read<float>("b").ToArray());
            Assert.Equal([3f], checkpoint.Read<float>("c").ToArray());
        }
    }

    /// <summary>Tensors that the index does not name are passed over, and of two the index says which is meant.</summary>
    [Fact]
    public void WhatTheIndexDoesNotNameIsHarmless()
    {
        using var folder = new TemporaryFolder();
        folder.Write("one.safetensors", SafeTensorsBuilder.Vectors(("a", 2, 1), ("b", 1, 2)));
        folder.Write("two.safetensors", SafeTensorsBuilder.Vectors(("a", 3, 7), ("c", 1, 3)));
        folder.Write(SafeTensors.IndexFileName, Index(("a", "one"), ("c", "two")));

        using SafeTensors checkpoint = SafeTensors.Open(folder.Path);

        Assert.Equal([1f, 1f], checkpoint.Read<float>("a").ToArray());
        Assert.Equal([3f], checkpoint.Read<float>("c").ToArray());
        Assert.False(checkpoint.Contains("b"));
    }

    /// <summary>A type is asked for when a tensor is read.</summary>
    [Theory]
    [InlineData("BOOL", 4)]
    [InlineData("U8", 4)]
    [InlineData("F64", 32)]
    [InlineData("I64", 32)]
    [InlineData("F8_E5M2", 4)]
    [InlineData("F8_E4M3", 4)]
    [InlineData("F3_NOBODYS", 5)]
    public void TensorsThatNobodyReadsMayHaveAnyType(string type, int bytes)
    {
        using var folder = new TemporaryFolder();
        string header = $$"""{"x": {"dtype": "{{type}}", "shape": [2, 2], "data_offsets": [0, {{bytes}}]}, "y": {"dtype": "F32", "shape": [1], "data_offsets": [{{bytes}}, {{bytes + 4}}] } }""";
        using SafeTensors file = SafeTensors.Open(folder.Write("m.safetensors", SafeTensorsBuilder.File(header, new byte[bytes + 4])));

        Assert.Equal([0f], file.ReadFloats("y"));
        Assert.Equal($"{type} [2, 2]", file.Info("x").ToString());
        Assert.Contains(type, Assert.Throws<CheckpointException>(() => file.ReadFloats("x")).Message, StringComparison.Ordinal);
    }

    public static TheoryData<string, string, string> BadIndexes => new()
    {
        { "missing shard", Index(("a", "one"), ("b", "one"), ("c", "three")), "tensor 'c' is in 'three.safetensors', which is missing" },
        { "name not in its shard", Index(("a", "one"), ("b", "one"), ("c", "two"), ("d", "two")),
            "tensor 'd' is not in 'two.safetensors'" },
        { "name twice", """{"weight_map": {"a": "one.safetensors", "a": "one.safetensors"}}""", "the tensor 'a' twice" },
        { "path out of the folder", """{"weight_map": {"a": "../one.safetensors"}}""", "no plain file for tensor 'a'" },
        { "shard that is no name", """{"weight_map": {"a": 1}}""", "no plain file for tensor 'a'" },
        { "no map", """{"metadata": {}}""", "no object 'weight_map'" },
        { "no JSON", "{", "is not JSON" },
    };

    [Theory]
    [MemberData(nameof(BadIndexes))]
    public void RefusesAnIndexThatLies(string what, string index, string message)
    {
        Assert.NotEmpty(what);
        using var folder = new TemporaryFolder();
        folder.Write("one.safetensors", SafeTensorsBuilder.Vectors(("a", 2, 1), ("b", 1, 2)));
        folder.Write("two.safetensors", SafeTensorsBuilder.Vectors(("c", 1, 3)));
        folder.Write("dup.safetensors", SafeTensorsBuilder.Vectors(("x", 1, 3), ("a", 2, 1)));
        folder.Write(SafeTensors.IndexFileName, index);

        var error = Assert.Throws<CheckpointException>(() => SafeTensors.Open(folder.Path));

        Assert.Contains(message, error.Message, StringComparison.Ordinal);
    }

    /// <summary>A sparse file: offsets beyond 2^31 and 2^32 must not wrap.</summary>
    [SkippableFact]
    public void ReadsTensorsBeyondFourGigabytes()
    {
        Skip.IfNot(OperatingSystem.IsLinux(), "Writes a sparse file of 5 GB, which only Linux is relied on to keep sparse.");
        using var folder = new TemporaryFolder();
        const long Elements = 1_300_000_000;
        const long Bytes = Elements * 4;
        string header = $$$"""{"big": {"dtype": "F32", "shape": [{{{Elements}}}], "data_offsets": [0, {{{Bytes}}}]}, "last": {"dtype": "F32", "shape": [1], "data_offsets": [{{{Bytes}}}, {{{Bytes + 4}}}]}}""";
        string path = folder.Write("model.safetensors", SafeTensorsBuilder.File(header, []));
        using (FileStream stream = File.OpenWrite(path))
        {
            long start = stream.Length;
            stream.SetLength(start + Bytes + 4);
            stream.Position = start + Bytes - 4;
            stream.Write([.. BitConverter.GetBytes(5f), .. BitConverter.GetBytes(6f)]);
        }

        using SafeTensors file = SafeTensors.Open(path);

        Assert.Equal([0f, 5f], file.Read<float>("big", Elements - 2, 2).ToArray());
        Assert.Equal([6f], file.Read<float>("last").ToArray());
    }

    private static string Index(params (string Name, string Shard)[] map) =>
        "{\"metadata\": {\"total_size\": 1}, \"weight_map\": {" + string.Join(
            ",", map.Select(m => $"\"{m.Name}\": \"{m.Shard}.safetensors\"")) + "}}";
}
