using Kernels.Costs;

namespace Kernels.Tests;

public sealed class KvCachePlanTests
{
    private static readonly AttentionShape Llama2 = AttentionCostTests.Shape(32, 32, 128);

    [Fact]
    public void A_seven_billion_parameter_models_cache()
    {
        var plan = new KvCachePlan([new(Llama2, 32)]);

        // 512 KiB a token: 2 GiB for a context of 4096, and 64 of those are 128 GiB.
        Assert.Equal(512L << 10, plan.BytesPerToken);
        Assert.Equal(2L << 30, plan.GetBytes(1, 4096));
        Assert.Equal(128L << 30, plan.GetBytes(64, 4096));

        // Keys of one layer: 64 · 4096 · 32 heads · 256 bytes, past 2^31.
        Assert.Equal(2L << 30, plan.GetLargestBuffer(64, 4096));
        Assert.Equal(0, plan.GetPages(64, 4096));

        Assert.Equal(3, plan.GetLargestBatch((8L << 30) - 1, 4096));
        Assert.Equal(4, plan.GetLargestBatch(8L << 30, 4096));
        Assert.Equal(0, plan.GetLargestBatch(-1, 4096));
        Assert.Equal(16_384, plan.GetLargestContext(8L << 30, 1));
        Assert.Equal(0, plan.GetLargestContext((512 << 10) - 1, 1));
    }

    [Fact]
    public void Pages_are_taken_whole()
    {
        var plan = new KvCachePlan([new(Llama2 with { PageSize = 16 }, 32)]);
        Assert.Equal(64 * 257, plan.GetPages(64, 4097));
        Assert.Equal(64L * 257 * 16 * (512 << 10), plan.GetBytes(64, 4097));
        Assert.Equal(0, plan.GetBytes(64, 0));

        // What is left beyond whole pages holds nothing.
        Assert.Equal(16, plan.GetLargestContext(17L * (512 << 10), 1));
        Assert.Equal(32, plan.GetLargestContext(32L * (512 << 10), 1));
    }

    [Fact]
    public void Latent_rows_count_with_their_scales()
    {
        AttentionShape shape = AttentionCostTests.Shape(128, 1, 576) with
        {
            ValueDim = 512,
            LatentCache = true,
            CacheStorage = ElementType.Float8E4M3,
            PageSize = 64,
        };
        var plan = new KvCachePlan([new(shape, 61)]);
        Assert.Equal(656 * 61, plan.BytesPerToken);
        Assert.Equal(64L * 128 * 656 * 61, plan.GetBytes(64, 65));
        Assert.Equal(64L * 128 * 656, plan.GetLargestBuffer(64, 65));
        Assert.Equal(2048, plan.GetLargestContext(2048L * 656 * 61, 1));
    }

    [Fact]
    public void Layers_of_other_shapes_have_caches_of_their_own()
    {
        // Half the layers in pages of 16, half in pages of 24.
        var plan = new KvCachePlan([new(Llama2 with { PageSize = 16 }, 2), new(Llama2 with { PageSize = 24, KvHeads = 8 }, 3)]);
        long first = 2L * 32 * 128 * 2 * 2, second = 2L * 8 * 128 * 2 * 3;
        Assert.Equal(first + second, plan.BytesPerToken);
        Assert.Equal((32 * first) + (24 * second), plan.GetBytes(1, 20));
        Assert.Equal(2 + 1, plan.GetPages(1, 20));
        for (long context = 1; context < 120; context++)
        {
            long bytes = plan.GetBytes(3, context);
            Assert.InRange(plan.GetLargestContext(bytes, 3), context, context + 23);
            Assert.True(plan.GetBytes(3, plan.GetLargestContext(bytes, 3)) <= bytes);
            Assert.True(plan.GetLargestContext(bytes - 1, 3) < context);
        }
    }

    [Fact]
    public void Bytes_that_do_not_fit_64_bits_are_an_error()
    {
        var plan = new KvCachePlan([new(Llama2, 32)]);
        Assert.Throws<OverflowException>(() => plan.GetBytes(1L << 32, 1L << 32));
        Assert.Throws<ArgumentException>(() => new KvCachePlan([]));
    }
}
