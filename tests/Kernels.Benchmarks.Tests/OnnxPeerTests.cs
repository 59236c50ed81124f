using Kernels.Benchmarks.Compare;

namespace Kernels.Benchmarks.Tests;

/// <summary>The peer computes what our kernels compute; a peer that did something else would be no peer.</summary>
public sealed class OnnxPeerTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(16)]
    public void PrefillAgreesWithTheReference(int window)
    {
        Work work = new("test", Step.Prefill, 1, 4, 2, 32, 32, 80, ElementType.Float32, ElementType.Float32, 0.2)
        {
            Causal = true,
            Window = window,
            CacheBytesPerToken = 512,
        };
        using OnnxPeer peer = OnnxPeer.Open(work);
        peer.Run();
        AttentionShape shape = Shape(work) with { WindowLeft = window > 0 ? window - 1 : null };
        Compare(
            shape, RandomData.Create<float>(80 * 4 * 32, OnnxPeer.QuerySeed), RandomData.Create<float>(80 * 2 * 32, OnnxPeer.KeySeed),
            RandomData.Create<float>(80 * 2 * 32, OnnxPeer.ValueSeed), peer.Output());
    }

    [Fact]
    public void DecodeReadsItsCache()
    {
        // One head, so that [batch, head, token, dim] is [token, dim]; the new token takes the last place.
        Work work = new("test", Step.Decode, 1, 1, 1, 32, 32, 50, ElementType.Float32, ElementType.Float32, 0.2)
        {
            Causal = true,
            CacheBytesPerToken = 256,
        };
        using OnnxPeer peer = OnnxPeer.Open(work);
        peer.Run();
        float[] keys = RandomData.Create<float>(50 * 32, OnnxPeer.CacheSeed), values = RandomData.Create<float>(
            50 * 32, OnnxPeer.CacheSeed + 1);
        RandomData.Create<float>(32, OnnxPeer.KeySeed).CopyTo(keys, 49 * 32);
        RandomData.Create<float>(32, OnnxPeer.ValueSeed).CopyTo(values, 49 * 32);
        Compare(Shape(work), RandomData.Create<float>(32, OnnxPeer.QuerySeed), keys, values, peer.Output());
    }

    [Theory]
    [InlineData(ElementType.Int8)]
    [InlineData(ElementType.Int4)]
    public void DecodeReadsAQuantisedCache(ElementType cache)
    {
        Work work = new("test", Step.Decode, 3, 4, 2, 32, 32, 50, ElementType.Float16, cache, 0.2)
        {
            Causal = true,
            CacheBytesPerToken = 1 << 20,
        };
        using OnnxPeer peer = OnnxPeer.Open(work);
        peer.Run();
        peer.Run();
        Assert.Null(peer.FindFault());
        float[] output = peer.Output();
        for (int row = 0; row < output.Length / 32; row++)
        {
            Assert.All(peer.Expected(row / 4, row % 4).Zip(output.Skip(row * 32)), pair => Assert.Equal(pair.First, pair.Second, 1e-5));
        }
    }

    [Theory]
    [InlineData(true, ElementType.Float16)]
    [InlineData(true, ElementType.Float32)]
    [InlineData(false, ElementType.Float16)]
    public void ItsOutputsAreChecked(bool prefill, ElementType storage)
    {
        Work work = new("test", prefill ? Step.Prefill : Step.Decode, 2, 4, 2, 32, 32, 50, storage, storage, 0.2)
        {
            Causal = true,
            CacheBytesPerToken = 1 << 20,
        };
        using OnnxPeer peer = OnnxPeer.Open(work);
        peer.Run();
        Assert.Null(peer.FindFault());

        // Beside another reference the same outputs are wrong.
        Assert.NotNull(
            OutputCheck.Fault<float>(
                peer.Output(), 4, 32, 5e-3, (token, head) => [.. peer.Expected(token, head).Select(value => value * 1.01)]));
    }

    [Fact]
    public void WorkThatTheOperatorCannotDoHasAReason()
    {
        Suite suite = Suite.All[0];
        Assert.Contains("latent", OnnxPeer.WhyNot(suite.Find("MLA decode f32 B1 H128/1 S4096 D512+64")!.Work));
        Assert.Contains("Float8E4M3", OnnxPeer.WhyNot(suite.Find("decode fp8 B8 H32/8 S4096 D128")!.Work));
        Assert.Contains("bfloat16", OnnxPeer.WhyNot(suite.Find("decode bf16 B8 H32/8 S4096 D128")!.Work));
        Assert.Null(OnnxPeer.WhyNot(suite.Find("decode int8 B8 H32/8 S4096 D128")!.Work));
        Assert.Null(OnnxPeer.WhyNot(suite.Find("decode int4 B8 H32/8 S4096 D128")!.Work));
        Assert.Contains("GB", OnnxPeer.WhyNot(suite.Find("prefill causal f32 B1 H32/8 S16384 D128 window 128")!.Work));
        Assert.Null(OnnxPeer.WhyNot(suite.Find("decode f16 B8 H32/8 S4096 D128")!.Work));
    }

    private static AttentionShape Shape(Work work) => new(
        work.QueryHeads, work.KvHeads, work.HeadDim, work.ValueDim, work.Scale, AttentionMask.Causal, work.Storage, work.CacheStorage,
        KvLayout.Nhd);

    private static void Compare(AttentionShape shape, float[] queries, float[] keys, float[] values, float[] actual)
    {
        double[] expected = new double[actual.Length];
        ReferenceAttention.Compute(shape, Double(queries), Double(keys), Double(values), expected);
        Assert.All(expected.Zip(actual), pair => Assert.Equal(pair.First, pair.Second, 1e-5));
    }

    private static double[] Double(float[] data) => Array.ConvertAll(data, value => (double)value);
}
