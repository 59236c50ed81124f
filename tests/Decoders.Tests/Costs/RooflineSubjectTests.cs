using Kernels.Costs;
using Xunit;

namespace Decoders.Tests;

/// <summary>Predictions, worked out by hand.</summary>
public sealed class RooflineSubjectTests
{
    private static readonly Roofline Device = new("a device", FlopsPerSecond: 100e12, BytesPerSecond: 1e12, MemoryBytes: 24_000_000_000);

    [Fact]
    public void DecodingReadsWeightsAndCache()
    {
        RooflineSubject subject = Of(PublishedModels.Llama3);
        StepCost step = subject.Decode(batch: 8, context: 8192);

        // 32 layers · 4096 bytes for each of 8 · 8192 tokens; float16 queries and outputs, and the new tokens on their way in.
        long rows = 2 * 32 * 128 * 2, arriving = 2 * 8 * 128 * 2;
        Assert.Equal((8L * 8192 * 131_072) + (8 * 32 * (rows + arriving + 4096)), step.Attention.Bytes);
        Assert.Equal(32.0 * 16_384 * 8 * 8192, step.Attention.Flops);
        Assert.Equal(8 * 2.0 * (8_030_261_248 - (128_256L * 4096) - (65 * 4096)), step.Weights.Flops);

        // Both wait for memory.
        Assert.Equal((step.Weights.Bytes + step.Attention.Bytes) / 1e12, step.Seconds(Device), 1e-9);
        Assert.Equal(step.Total.Bytes, step.Weights.Bytes + step.Attention.Bytes);
    }

    [Fact]
    public void PromptsWaitForArithmetic()
    {
        StepCost step = Of(PublishedModels.Llama3).Prefill(batch: 1, tokens: 8192);
        Assert.Equal(32.0 * 16_384 * 8192 * 8193 / 2, step.Attention.Flops);
        Assert.Equal(step.Total.Flops / 100e12, step.Seconds(Device), 1e-9);
    }

    [Fact]
    public void AWindowEndsTheGrowthOfDecoding()
    {
        RooflineSubject subject = Of(PublishedModels.Mistral);
        Assert.Equal(4095, subject.Layers[0].Shape.WindowLeft);
        Assert.Equal(subject.Decode(1, 4096), subject.Decode(1, 32_000));
    }

    [Fact]
    public void LatentAttentionDecodesAbsorbedAndBeginsExpanded()
    {
        RooflineSubject subject = Of(PublishedModels.DeepSeekV3);
        Assert.Equal(70_272, subject.Cache.BytesPerToken);
        Assert.Equal(61 * 278_528.0 * 1000, subject.Decode(1, 1000).Attention.Flops);

        // 2 · 128 · (192 + 128) for each pair of a prompt, but what is written is latent rows.
        Assert.Equal(61 * 81_920.0 * 1000 * 1001 / 2, subject.Prefill(1, 1000).Attention.Flops);
    }

    [Fact]
    public void KindsOfAttentionAreOfTheSameHeads()
    {
        RooflineSubject subject = Of(PublishedModels.DeepSeekV3);
        IReadOnlyList<AttentionFamily> kinds = AttentionFamily.Of(subject.Layers[0].Shape, subject.Config!.Latent);
        Assert.Equal(["MHA", "GQA", "MQA", "MLA"], kinds.Select(kind => kind.Kind));
        Assert.Equal([2 * 128 * 128 * 2, 2 * 8 * 128 * 2, 2 * 1 * 128 * 2, 576 * 2], kinds.Select(kind => kind.Shape.CacheBytesPerToken));

        // A grouped model's own groups, and a latent as DeepSeek would have it.
        AttentionShape llama = Of(PublishedModels.Llama3).Layers[0].Shape;
        Assert.Equal([32, 8, 1, 1], AttentionFamily.Of(llama, latent: null).Select(kind => kind.Shape.KvHeads));
        Assert.Equal(
            (576, 512),
            (AttentionFamily.Of(llama, latent: null)[3].Shape.HeadDim, AttentionFamily.Of(llama, latent: null)[3].Shape.ValueDim));

        // Seven heads have no groups between all and one.
        Assert.Equal(
            ["MHA", "MQA", "MLA"], AttentionFamily.Of(llama with { QueryHeads = 7, KvHeads = 7 }, latent: null).Select(kind => kind.Kind));
    }

    private static RooflineSubject Of(string json) =>
        RooflineSubject.Of("model", PublishedModels.Read(json) with { WeightType = ElementType.BFloat16 }, CacheKind.Contiguous);
}
