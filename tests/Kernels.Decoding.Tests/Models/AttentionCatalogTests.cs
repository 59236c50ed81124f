using Kernels.OpenCL;
using Xunit;

namespace Kernels.Decoding.Tests;

[Collection(DeviceCollection.Name)]
public sealed class AttentionCatalogTests(Devices devices)
{
    /// <summary>Geometries that nobody compiled in run by kernels that are emitted when the model is loaded.</summary>
    [SkippableTheory]
    [InlineData("llama", CacheKind.Contiguous, "Heads6Over2Of10Float32")]
    [InlineData("mistral", CacheKind.Paged, "Heads6Over2Of10Window4Float32Paged")]
    [InlineData("gemma2", CacheKind.Contiguous, "Heads6Over2Of10ScaledWindow4CappedFloat32")]
    [InlineData("gpt_oss", CacheKind.Paged, "Heads6Over2Of10Window4SinksFloat32Paged")]
    internal void EmitsKernelsForAnyGeometry(string modelType, CacheKind cache, string name)
    {
        ComputeDevice device = devices.OpenFirst();
        using var folder = new TemporaryFolder();
        new RandomDecoder(modelType, "F32", Bias: false, Tied: true).Write(folder);

        using Decoder decoder = Decoder.Load(device, folder.Path, 1, 8, AttentionCatalog.With(cache));

        Assert.Contains(decoder.DescribeAttention(), line => line.StartsWith($"{name}: ", StringComparison.Ordinal));
    }

    /// <summary>What the validator refuses is refused when the model is loaded, by name.</summary>
    [SkippableFact]
    public void RefusesWhatTheValidatorRefuses()
    {
        ComputeDevice device = devices.OpenFirst();
        ModelConfig config = ModelConfig.Load(TestData.Folder("llama-gqa"));
        config = config with { Layers = [config.Layers[0] with { Attention = new AttentionGeometry(8, 2, 10_000) }] };
        long before = device.AllocatedBytes;

        string message = Assert.Throws<CheckpointException>(
            () => AttentionCatalog.With(CacheKind.Contiguous)(device, config, 1, 8)).Message;

        Assert.Contains("no attention kernels can be made for Heads8Over2Of10000Float32", message, StringComparison.Ordinal);
        Assert.Equal(before, device.AllocatedBytes);
    }

    /// <summary>A type that is registered is taken, whatever the size of its pages.</summary>
    [SkippableFact]
    public void TakesARegisteredTypeThatFits()
    {
        AttentionCatalog.Register(RegisteredAttention.Descriptor);
        ComputeDevice device = devices.OpenFirst();
        ModelConfig config = ModelConfig.Load(TestData.Folder("llama-gqa"));
        config = config with { Layers = [config.Layers[0] with { Attention = new AttentionGeometry(2, 1, 24) }] };
        using IDecoderAttention paged = AttentionCatalog.With(CacheKind.Paged)(device, config, 1, 8);
        using IDecoderAttention contiguous = AttentionCatalog.With(CacheKind.Contiguous)(device, config, 1, 8);
        Assert.Equal((32, "RegisteredAttention"), (paged.Pages!.PageSize, paged.Describe().Last().Split(':')[0]));
        Assert.StartsWith("Heads2Over1Of24Float32: ", contiguous.Describe().Last(), StringComparison.Ordinal);
    }

    /// <summary>A window that no sequence grows out of needs no kernel of its own.</summary>
    [SkippableFact]
    public void RunsAWindowAsLongAsTheContextWithoutOne()
    {
        ComputeDevice device = devices.OpenFirst();
        ModelConfig config = ModelConfig.Load(TestData.Folder("llama-gqa"));
        config = config with { Layers = [config.Layers[0] with { Attention = config.Layers[0].Attention with { WindowLeft = 31 } }] };
        AttentionFactory factory = AttentionCatalog.With(CacheKind.Contiguous);

        using (IDecoderAttention attention = factory(device, config, 1, 32))
        {
            Assert.Equal(32, attention.Capacity);
            Assert.StartsWith("Heads8Over2Of16Float32: ", attention.Describe().Last(), StringComparison.Ordinal);
        }

        using IDecoderAttention longer = factory(device, config, 1, 33);
        Assert.StartsWith("Heads8Over2Of16Window32Float32: ", longer.Describe().Last(), StringComparison.Ordinal);
    }

    /// <summary>Layers of one geometry share a cache; a paged one has whole pages.</summary>
    [SkippableTheory]
    [InlineData(CacheKind.Contiguous, 33)]
    [InlineData(CacheKind.Paged, 48)]
    internal void TakesACacheForEachLayer(CacheKind cache, int tokens)
    {
        ComputeDevice device = devices.OpenFirst();
        ModelConfig config = ModelConfig.Load(TestData.Folder("gemma2-softcap-window"));
        using IDecoderAttention attention = AttentionCatalog.With(cache)(device, config, 2, 33);

        Assert.Equal(33, attention.Capacity);
        Assert.Equal(2L * tokens * 4 * (2 * 2 * 16 * sizeof(float)), attention.CacheBytes);
    }
}
