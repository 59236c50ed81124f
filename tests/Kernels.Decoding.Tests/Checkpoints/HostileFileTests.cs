using System.Diagnostics;
using Xunit;

namespace Kernels.Decoding.Tests;

/// <summary>Files that lie: an error that names what is wrong, in bounded time and memory.</summary>
public sealed class HostileFileTests
{
    private static readonly byte[] Gguf = new GgufBuilder().Set("general.architecture", "llama").Set("tokenizer.ggml.tokens", "a", "b", "c")
        .Set("n", 1, 2, 3)
        .Raw(
            "nested", 9,
            [.. BitConverter.GetBytes(9u), .. BitConverter.GetBytes(1ul), .. BitConverter.GetBytes(8u), .. BitConverter.GetBytes(1ul),
                .. GgufBuilder.Text("x")])
        .Add("token_embd.weight", [4, 32], 8, new byte[136]).Add("output_norm.weight", [32], 0, new byte[128]).Build();

    private static readonly byte[] Safe = SafeTensorsBuilder.Vectors(("a", 8, 1), ("b", 5, 2));

    public static TheoryData<bool, int> Seeds
    {
        get
        {
            var rows = new TheoryData<bool, int>();
            for (int seed = 0; seed < 8; seed++)
            {
                rows.Add(true, seed);
                rows.Add(false, seed);
            }

            return rows;
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void EveryTruncationIsAnError(bool gguf)
    {
        using var folder = new TemporaryFolder();
        byte[] whole = gguf ? Gguf : Safe;
        for (int length = 0; length < whole.Length; length++)
        {
            byte[] part = whole[..length];
            Assert.Throws<CheckpointException>(() => Open(folder, part, gguf));
        }

        Open(folder, whole, gguf);
    }

    /// <summary>Bytes changed at random, in places that are counts and lengths too: opened or refused, nothing else.</summary>
    [Theory]
    [MemberData(nameof(Seeds))]
    public void ChangedBytesAreReadOrRefused(bool gguf, int seed)
    {
        using var folder = new TemporaryFolder();
        var random = new Random(seed);
        long before = GC.GetAllocatedBytesForCurrentThread();
        var clock = Stopwatch.StartNew();
        byte[] interesting = [0, 1, 0x7f, 0x80, 0xff, 9, 8];
        for (int round = 0; round < 300; round++)
        {
            byte[] bytes = [.. gguf ? Gguf : Safe];
            int changes = random.Next(1, 9), at = random.Next(bytes.Length);
            for (int i = 0; i < changes; i++)
            {
                bytes[(at + i) % bytes.Length] = random.Next(2) == 0
                    ? interesting[random.Next(interesting.Length)] : (byte)random.Next(256);
            }

            try
            {
                Open(folder, bytes, gguf);
            }
            catch (CheckpointException)
            {
            }
        }

        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(30));
        Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < 256 << 20);
    }

    [Fact]
    public void CountsBeyondTheFileAreNotAllocatedFor()
    {
        using var folder = new TemporaryFolder();
        Refused("more than its", new GgufBuilder().Set("general.architecture", "llama").Build(claimedTensors: 1ul << 60));
        Refused("more than its", new GgufBuilder().Set("general.architecture", "llama").Build(claimedValues: ulong.MaxValue));
        Refused(
            "more than the file holds", new GgufBuilder().Raw("a", 9, [.. BitConverter.GetBytes(4u), .. BitConverter.GetBytes(1ul << 62)])
                .Build());
        Refused(
            "more than the file holds", new GgufBuilder().Raw("a", 9, [.. BitConverter.GetBytes(8u), .. BitConverter.GetBytes(1ul << 62)])
                .Build());
        Refused("within its metadata", new GgufBuilder().Raw("a", 8, BitConverter.GetBytes(ulong.MaxValue)).Build());
        byte[] level = [.. BitConverter.GetBytes(9u), .. BitConverter.GetBytes(1ul)];
        Refused("deep", new GgufBuilder().Raw("a", 9, [.. Enumerable.Repeat(level, 100_000).SelectMany(b => b)]).Build());
        Refused("type 77", new GgufBuilder().Raw("a", 77, 1).Build());
        Refused("version 1", new GgufBuilder { Version = 1 }.Build());
        Refused("big-endian", new GgufBuilder { Version = 0x03000000 }.Build());
        Refused("twice", new GgufBuilder().Set("a", 1u).Set("a", 2u).Build());

        void Refused(string told, byte[] bytes) =>
            Assert.Contains(told, Assert.Throws<CheckpointException>(() => Open(folder, bytes, gguf: true)).Message);
    }

    [Fact]
    public void TensorsMustLieInTheFileAndApart()
    {
        using var folder = new TemporaryFolder();
        Refused("inside", Two((i, offset) => 0));
        Refused("beyond", Two((i, offset) => offset + (1ul << 40)));
        Refused("beyond", Two((i, offset) => ulong.MaxValue - 31));
        Refused("multiple of 32", Two((i, offset) => offset + 8));
        Refused("more than any file", new GgufBuilder().Add("a", [int.MaxValue, int.MaxValue, int.MaxValue], 0, []).Build());
        Refused("multiple of 32", new GgufBuilder().Add("a", [2, 33], 8, new byte[68]).Build());
        Refused("twice", new GgufBuilder().Add("a", [1], 0, new byte[4]).Add("a", [1], 0, new byte[4]).Build());
        Refused("general.alignment", new GgufBuilder().Set("general.alignment", 7u).Build());

        static byte[] Two(Func<int, ulong, ulong> move) => new GgufBuilder().Add("a", [16], 0, new byte[64]).Add("b", [16], 0, new byte[64])
            .Build(moveOffset: move);

        void Refused(string told, byte[] bytes) =>
            Assert.Contains(told, Assert.Throws<CheckpointException>(() => Open(folder, bytes, gguf: true)).Message);
    }

    [Fact]
    public void DeepJsonIsRefused()
    {
        using var folder = new TemporaryFolder();
        string deep = new string('[', 100_000);
        Assert.Throws<CheckpointException>(() => Open(folder, SafeTensorsBuilder.File($$"""{"__metadata__": {{deep}}""", []), gguf: false));
    }

    [Theory]
    [InlineData("\\ud800")]
    [InlineData("\\udc00x")]
    public void HalfPairsAreRefused(string escape)
    {
        using var folder = new TemporaryFolder();
        string header = "{\"" + escape + "\": {\"dtype\": \"F32\", \"shape\": [0], \"data_offsets\": [0, 0]}}";
        Assert.Contains(
            "Unicode", Assert.Throws<CheckpointException>(() => Open(folder, SafeTensorsBuilder.File(header, []), gguf: false)).Message);
        folder.Write("config.json", "{\"model_type\": \"" + escape + "\"}");
        Assert.Contains("Unicode", Assert.Throws<CheckpointException>(() => ModelConfig.Load(folder.Path)).Message);
    }

    private static void Open(TemporaryFolder folder, byte[] bytes, bool gguf)
    {
        string path = folder.Write(gguf ? "m.gguf" : "m.safetensors", bytes);
        if (!gguf)
        {
            using SafeTensors file = SafeTensors.Open(path);
            foreach (string name in file.Names.Where(name => file.Info(name).Type == TensorType.Float32))
            {
                file.ReadFloats(name);
            }

            return;
        }

        using GgufFile opened = GgufFile.Open(path);
        foreach (string key in opened.Keys)
        {
            Try(() => _ = opened.Texts(key));
            Try(() => _ = opened.Numbers(key));
            Try(() => _ = opened.OptionalCount(key));
        }

        Try(() => ModelConfig.Load(path));
        using GgufTensors tensors = GgufTensors.Open(path);
        foreach (string name in tensors.Names)
        {
            Try(() => tensors.ReadFloats(name));
        }

        static void Try(Action action)
        {
            try
            {
                action();
            }
            catch (CheckpointException)
            {
            }
        }
    }
}
