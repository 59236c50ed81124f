using Kernels.OpenCL;
using Xunit;

namespace Decoders.Tests;

[Collection(DeviceCollection.Name)]
public sealed class AttentionRegistryTests(Devices devices)
{
    public static TheoryData<string, CacheKind, string, string, string> Missing => new()
    {
        {
            "llama", CacheKind.Contiguous, "6 query heads over 2 KV heads of 10, with a contiguous cache",
            "[AttentionKernel(queryHeads: 6, kvHeads: 2, headDim: 10, Mask = AttentionMask.Causal, Storage = ElementType.Float16)]",
            "Entry.Contiguous<Heads6Over2Of10, Half>()"
        },
        {
            "mistral", CacheKind.Paged, "6 query heads over 2 KV heads of 10, a window of 4 keys, with a paged cache",
            "[AttentionKernel(queryHeads: 6, kvHeads: 2, headDim: 10, Mask = AttentionMask.Causal, WindowLeft = 3, PageSize = 16, Storage = ElementType.Float16)]",
            "Entry.Paged<Heads6Over2Of10Window4Paged, Half>()"
        },
        {
            "gemma2", CacheKind.Contiguous, "6 query heads over 2 KV heads of 10, scale 0.377964473009227",
            "Scale = 0.377964473009227",
            "Entry.Contiguous<Heads6Over2Of10ScaledWindow4Capped, Half>()"
        },
        {
            "gemma2", CacheKind.Contiguous, ", a window of 4 keys, softcap 3, with a contiguous cache",
            ", WindowLeft = 3, Softcap = 3, Storage",
            "internal sealed partial class Heads6Over2Of10ScaledWindow4Capped;"
        },
        {
            "gpt_oss", CacheKind.Paged, "a window of 4 keys, sinks, with a paged cache",
            "WindowLeft = 3, Sinks = true, PageSize = 16",
            "Entry.Paged<Heads6Over2Of10Window4SinksPaged, Half>()"
        },
    };

    [SkippableTheory]
    [MemberData(nameof(Missing))]
    public void PrintsTheAttributeForALayerThatNoKernelWasCompiledFor(string modelType, CacheKind cache, string description, string attribute, string entry)
    {
        ComputeDevice device = devices.OpenFirst();
        using var folder = new TemporaryFolder();
        new RandomDecoder(modelType, "F32", Bias: false, Tied: true).Write(folder);
        long before = device.AllocatedBytes;

        string message = Assert.Throws<CheckpointException>(() => Decoder.Load(device, folder.Path, 1, 8, AttentionRegistry.With(cache))).Message;

        Assert.Contains(description, message, StringComparison.Ordinal);
        Assert.Contains(attribute, message, StringComparison.Ordinal);
        Assert.Contains(entry, message, StringComparison.Ordinal);
        Assert.Equal(before, device.AllocatedBytes);
    }

    [SkippableFact]
    public void PrintsAlibi()
    {
        ComputeDevice device = devices.OpenFirst();
        ModelConfig config = ModelConfig.Load(TestData.Folder("bloom-alibi"));
        config = config with { Layers = [config.Layers[0] with { Attention = new AttentionGeometry(3, 3, 8) { Alibi = true } }] };

        string message = Assert.Throws<CheckpointException>(() => AttentionRegistry.With(CacheKind.Contiguous)(device, config, 1, 8)).Message;

        Assert.Contains("3 query heads over 3 KV heads of 8, ALiBi, with", message, StringComparison.Ordinal);
        Assert.Contains("Alibi = true, Storage", message, StringComparison.Ordinal);
        Assert.Contains("class Heads3Over3Of8Alibi;", message, StringComparison.Ordinal);
    }

    /// <summary>A window that no sequence grows out of needs no kernel of its own.</summary>
    [SkippableFact]
    public void RunsAWindowAsLongAsTheContextWithoutOne()
    {
        ComputeDevice device = devices.OpenFirst();
        ModelConfig config = ModelConfig.Load(TestData.Folder("llama-gqa"));
        config = config with { Layers = [config.Layers[0] with { Attention = config.Layers[0].Attention with { WindowLeft = 31 } }] };
        AttentionFactory factory = AttentionRegistry.With(CacheKind.Contiguous);

        using (IDecoderAttention attention = factory(device, config, 1, 32))
        {
            Assert.Equal(32, attention.Capacity);
        }

        Assert.Contains("WindowLeft = 31", Assert.Throws<CheckpointException>(() => factory(device, config, 1, 33)).Message, StringComparison.Ordinal);
    }

    /// <summary>Layers of one geometry share a cache; a paged one has whole pages.</summary>
    [SkippableTheory]
    [InlineData(CacheKind.Contiguous, 33)]
    [InlineData(CacheKind.Paged, 48)]
    public void TakesACacheForEachLayer(CacheKind cache, int tokens)
    {
        ComputeDevice device = devices.OpenFirst();
        ModelConfig config = ModelConfig.Load(TestData.Folder("gemma2-softcap-window"));
        using IDecoderAttention attention = AttentionRegistry.With(cache)(device, config, 2, 33);

        Assert.Equal(33, attention.Capacity);
        Assert.Equal(2L * tokens * 4 * (2 * 2 * 16 * sizeof(float)), attention.CacheBytes);
    }
}
