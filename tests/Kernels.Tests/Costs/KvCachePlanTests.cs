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
        Assert.Equal(2L << 30, plan.Bytes(1, 4096));
        Assert.Equal(128L << 30, plan.Bytes(64, 4096));

        // Keys of one layer: 64 · 4096 · 32 heads · 256 bytes, past 2^31.
        Assert.Equal(2L << 30, plan.LargestBuffer(64, 4096));
        Assert.Equal(0, plan.Pages(64, 4096));

        Assert.Equal(3, plan.LargestBatch((8L << 30) - 1, 4096));
        Assert.Equal(4, plan.LargestBatch(8L << 30, 4096));
        Assert.Equal(0, plan.LargestBatch(-1, 4096));
        Assert.Equal(16_384, plan.LargestContext(8L << 30, 1));
        Assert.Equal(0, plan.LargestContext((512 << 10) - 1, 1));
    }

    [Fact]
    public void Pages_are_taken_whole()
    {
        var plan = new KvCachePlan([new(Llama2 with { PageSize = 16 }, 32)]);
        Assert.Equal(64 * 257, plan.Pages(64, 4097));
        Assert.Equal(64L * 257 * 16 * (512 << 10), plan.Bytes(64, 4097));
        Assert.Equal(0, plan.Bytes(64, 0));

        // What is left beyond whole pages holds nothing.
        Assert.Equal(16, plan.LargestContext(17L * (512 << 10), 1));
        Assert.Equal(32, plan.LargestContext(32L * (512 << 10), 1));
    }

    [Fact]
    public void Latent_rows_count_with_their_scales()
    {
        AttentionShape shape = AttentionCostTests.Shape(128, 1, 576) with { ValueDim = 512, LatentCache = true, CacheStorage = ElementType.Float8E4M3, PageSize = 64 };
        var plan = new KvCachePlan([new(shape, 61)]);
        Assert.Equal(656 * 61, plan.BytesPerToken);
        Assert.Equal(64L * 128 * 656 * 61, plan.Bytes(64, 65));
        Assert.Equal(64L * 128 * 656, plan.LargestBuffer(64, 65));
        Assert.Equal(2048, plan.LargestContext(2048L * 656 * 61, 1));
    }

    [Fact]
    public void Layers_of_other_shapes_have_caches_of_their_own()
    {
        // Half the layers in pages of 16, half in pages of 24.
        var plan = new KvCachePlan([new(Llama2 with { PageSize = 16 }, 2), new(Llama2 with { PageSize = 24, KvHeads = 8 }, 3)]);
        long first = 2L * 32 * 128 * 2 * 2, second = 2L * 8 * 128 * 2 * 3;
        Assert.Equal(first + second, plan.BytesPerToken);
        Assert.Equal((32 * first) + (24 * second), plan.Bytes(1, 20));
        Assert.Equal(2 + 1, plan.Pages(1, 20));
        for (long context = 1; context < 120; context++)
        {
            long bytes = plan.Bytes(3, context);
            Assert.InRange(plan.LargestContext(bytes, 3), context, context + 23);
            Assert.True(plan.Bytes(3, plan.LargestContext(bytes, 3)) <= bytes);
            Assert.True(plan.LargestContext(bytes - 1, 3) < context);
        }
    }

    [Fact]
    public void Bytes_that_do_not_fit_64_bits_are_an_error()
    {
        var plan = new KvCachePlan([new(Llama2, 32)]);
        Assert.Throws<OverflowException>(() => plan.Bytes(1L << 32, 1L << 32));
        Assert.Throws<ArgumentException>(() => new KvCachePlan([]));
    }
}
