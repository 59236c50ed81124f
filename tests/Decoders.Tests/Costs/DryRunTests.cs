using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using Kernels.Costs;
using Kernels.Planning;
using Xunit;

namespace Decoders.Tests;

/// <summary>
/// Models of seven billion parameters without their memory: files that are holes behind their headers, plans without devices.
/// </summary>
public sealed class DryRunTests
{
    public static TheoryData<string, long, long> Models => new()
    {
        // Bytes of the weights on the device, and of the cache for 64 sequences of 4096.
        { PublishedModels.Llama2, (6_738_415_616L * 2) + (65 * 4096 * 2), 64L * 4096 * 524_288 },
        { PublishedModels.Mistral, (7_241_732_096L * 2) + (65 * 4096 * 2), 64L * 4096 * 131_072 },
    };

    [SkippableTheory]
    [MemberData(nameof(Models))]
    public void HeadersOfACheckpointAgreeWithItsConfiguration(string json, long weightBytes, long cacheBytes)
    {
        _ = cacheBytes;
        Skip.If(OperatingSystem.IsWindows(), "On Windows a file that is a hole takes its whole length.");
        using var folder = new TemporaryFolder();
        folder.Write(ModelConfig.FileName, json);
        ModelConfig config = ModelConfig.Load(folder.Path);
        (string Name, long[] Shape)[] tensors = [.. Tensors(config)];
        WriteSparse(folder.File(SafeTensors.SingleFileName), tensors);

        using SafeTensors checkpoint = SafeTensors.Open(folder.Path);
        var weights = new ModelWeights(config, config.WeightType!.Value);
        Assert.Equal(weights.Parameters, checkpoint.Names.Sum(name => checkpoint.Info(name).Length));
        Assert.Equal(weightBytes, weights.Bytes);

        // The last tensor lies beyond 2^33 bytes, and is there.
        Assert.Equal(new float[4096], checkpoint.ReadFloats("model.norm.weight"));
        Assert.Equal(2, checkpoint.Read<Half>("lm_head.weight", (32_000L * 4096) - 2, 2).Length);

        // Bytes of the largest buffer: the embedding, with more rows than gate and up of a layer have together.
        Assert.Equal(32_000L * 4096 * 2, weights.LargestBuffer);
    }

    [Theory]
    [MemberData(nameof(Models))]
    public void CachesArePlannedInLongs(string json, long weightBytes, long cacheBytes)
    {
        ModelConfig config = PublishedModels.Read(json);
        RooflineSubject subject = RooflineSubject.Of("model", config, CacheKind.Paged);
        Assert.Equal(cacheBytes, subject.Cache.GetBytes(64, 4096));
        Assert.Equal(64 * 256, subject.Cache.GetPages(64, 4096));

        // What is left of 80 GB beside the weights, in caches of 4096 tokens.
        long free = 80_000_000_000 - weightBytes;
        Assert.Equal(free / (cacheBytes / 64), subject.Cache.GetLargestBatch(free, 4096));
        Assert.Equal(free / (cacheBytes / 64 / 256) * 16, subject.Cache.GetLargestContext(free, 1));
    }

    /// <summary>The pool gives out as many pages as were planned, and no more.</summary>
    [Theory]
    [MemberData(nameof(Models))]
    public void PagesArePlannedAsThePoolTakesThem(string json, long weightBytes, long cacheBytes)
    {
        _ = (weightBytes, cacheBytes);
        ModelConfig config = PublishedModels.Read(json);
        KvCachePlan cache = RooflineSubject.Of("model", config with { WeightType = ElementType.Float16 }, CacheKind.Paged).Cache;
        const int Sequences = 37;
        int pages = (int)cache.GetPages(Sequences, 4001);
        var pool = new PagePool(pages, 16, new NoPages());
        for (int i = 0; i < Sequences; i++)
        {
            Assert.True(pool.TryReserve(pool.AddSequence(), 4001));
        }

        Assert.Equal((0, pages), (pool.Statistics.Available, pool.Statistics.Used));
        Assert.False(pool.TryReserve(pool.AddSequence(), 1));
    }

    /// <summary>What a step's plan holds for large batches: as few ints as it needs, and no sum past their range.</summary>
    [Theory]
    [InlineData(PublishedModels.Llama2, 64, 4096)]
    [InlineData(PublishedModels.Mistral, 64, 32_768)]
    [InlineData(PublishedModels.Mistral, 1024, 1_000_000)]
    public void StepsArePlannedForLargeBatches(string json, int sequences, int context)
    {
        AttentionShape shape = AttentionCatalog.Find(
            PublishedModels.Read(json).Layers[0].Attention, CacheKind.Contiguous, ElementType.Float16).Shape;
        KernelGeometry geometry = Heads32Over8Of128.Descriptor.Geometry(KernelTarget.Cpu);
        var plan = new WorkPlan();
        plan.Build(
            shape, geometry, computeUnits: 132, new ContiguousSlots(context),
            [.. Enumerable.Range(0, sequences).Select(s => new AttentionRequest(SequenceHandle.Create(s), 1, context))]);

        Assert.Equal((long)sequences * context, plan.Keys);
        Assert.Equal(sequences, plan.Tokens);

        // Each key that a window leaves is in one item for each request and KV head.
        long visible = new AttentionCost(shape).CountKeysRead(1, context);
        Assert.Equal(sequences * visible, plan.DecodeTiles.Concat(plan.PrefillTiles).Sum(item => (long)item.KeyCount));

        // Partial states are as many as splits, whose bytes are far from the limits.
        Assert.InRange((long)plan.PartialRows * shape.KvHeads * shape.ValueDim * sizeof(float), 0, 1L << 31);
    }

    [Fact]
    public void StepsPastTheRangeOfIntsAreRefused()
    {
        AttentionShape shape = Heads32Over8Of128.Descriptor.Shape;
        Assert.Throws<ArgumentException>("requests", () => new WorkPlan().Build(
            shape, Heads32Over8Of128.Descriptor.Geometry(KernelTarget.Cpu), 132, new ContiguousSlots(1),
            [new(SequenceHandle.Create(0), 1, int.MaxValue), new(SequenceHandle.Create(1), 1, int.MaxValue)]));
        Assert.Throws<ArgumentOutOfRangeException>("sequence", () => new WorkPlan().Build(
            shape, Heads32Over8Of128.Descriptor.Geometry(KernelTarget.Cpu), 132, new ContiguousSlots(1 << 30),
            [new(SequenceHandle.Create(2), 1, 1)]));
    }

    private static IEnumerable<(string Name, long[] Shape)> Tensors(ModelConfig config)
    {
        long hidden = config.HiddenSize, width = config.IntermediateSize;
        AttentionGeometry heads = config.Layers[0].Attention;
        yield return ("lm_head.weight", [config.VocabularySize, hidden]);
        yield return ("model.embed_tokens.weight", [config.VocabularySize, hidden]);
        for (int layer = 0; layer < config.Layers.Length; layer++)
        {
            string prefix = $"model.layers.{layer}.";
            yield return (prefix + "input_layernorm.weight", [hidden]);
            yield return (prefix + "mlp.down_proj.weight", [hidden, width]);
            yield return (prefix + "mlp.gate_proj.weight", [width, hidden]);
            yield return (prefix + "mlp.up_proj.weight", [width, hidden]);
            yield return (prefix + "post_attention_layernorm.weight", [hidden]);
            yield return (prefix + "self_attn.k_proj.weight", [(long)heads.KvHeads * heads.HeadDim, hidden]);
            yield return (prefix + "self_attn.o_proj.weight", [hidden, (long)heads.QueryHeads * heads.HeadDim]);
            yield return (prefix + "self_attn.q_proj.weight", [(long)heads.QueryHeads * heads.HeadDim, hidden]);
            yield return (prefix + "self_attn.v_proj.weight", [(long)heads.KvHeads * heads.HeadDim, hidden]);
        }

        yield return ("model.norm.weight", [hidden]);
    }

    /// <summary>Writes a header, and makes the file as long as the data would be: a hole, which reads as zeros.</summary>
    private static void WriteSparse(string path, (string Name, long[] Shape)[] tensors)
    {
        var header = new StringBuilder("{");
        long end = 0;
        foreach ((string name, long[] shape) in tensors)
        {
            long begin = end;
            end += shape.Aggregate(2L, (product, extent) => product * extent);
            header.Append(
                CultureInfo.InvariantCulture,
                $"{(begin == 0 ? "" : ",")}\"{name}\":{{\"dtype\":\"F16\",\"shape\":[{string.Join(',', shape)}],\"data_offsets\":[{begin},{end}]}}");
        }

        byte[] json = Encoding.UTF8.GetBytes(header.Append('}').ToString());
        var length = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(length, json.Length);
        using FileStream file = File.Create(path);
        file.Write(length);
        file.Write(json);
        file.SetLength(length.Length + json.Length + end);
    }

    private sealed class NoPages : IPageStore
    {
        public void Copy(int source, int target) => throw new InvalidOperationException("Nothing is shared.");

        public void Save(int page, int slot) => throw new InvalidOperationException("Nothing is swapped.");

        public void Load(int slot, int page) => throw new InvalidOperationException("Nothing is swapped.");
    }
}
