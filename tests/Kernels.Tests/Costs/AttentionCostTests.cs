using Kernels.Costs;

namespace Kernels.Tests;

/// <summary>Costs against numbers worked out by hand, and counts of pairs against counting.</summary>
public sealed class AttentionCostTests
{
    private static readonly AttentionShape Llama3 = Shape(32, 8, 128);

    private static readonly AttentionShape DeepSeekV3 = Shape(128, 1, 576) with { ValueDim = 512, LatentCache = true };

    /// <summary>Bytes of a token over all layers, float16, as the models' papers and people's calculators have them.</summary>
    [Fact]
    public void A_token_takes_what_is_known_of_models()
    {
        // Llama 3 8B: 2 · 8 heads · 128 · 2 bytes · 32 layers = 128 KiB.
        Assert.Equal(131_072, Llama3.CacheBytesPerToken * 32);

        // Llama 2 7B: 2 · 32 · 128 · 2 · 32 = 512 KiB.
        Assert.Equal(524_288, Shape(32, 32, 128).CacheBytesPerToken * 32);

        // Falcon 7B: 2 · 1 · 64 · 2 · 32 = 8 KiB.
        Assert.Equal(8192, Shape(71, 1, 64).CacheBytesPerToken * 32);

        // DeepSeek-V3: (512 + 64) · 2 bytes · 61 layers.
        Assert.Equal(576 * 2 * 61, DeepSeekV3.CacheBytesPerToken * 61);
        Assert.Equal(70_272, DeepSeekV3.CacheBytesPerToken * 61);

        // Its fp8 cache, as FlashMLA and vLLM have it: 512 e4m3, 4 float32 scales, 64 bfloat16.
        AttentionShape float8 = DeepSeekV3 with { CacheStorage = ElementType.Float8E4M3 };
        Assert.Equal(512 + (4 * 4) + (64 * 2), float8.CacheBytesPerToken);
        Assert.Equal((656, 0, CacheScale.PerGroup), (float8.KeyBytes, float8.ValueBytes, float8.CacheScale));
        Assert.Equal(656, LatentFloat8Row.Bytes(576, 512));
        Assert.Equal((512, 528), (LatentFloat8Row.ScalesAt(512), LatentFloat8Row.TailAt(512)));
        Assert.Equal(3 * (128 + 4), (float8 with { KvHeads = 3, HeadDim = 128, ValueDim = 128 }).CacheBytesPerToken);

        // The same type without latents has a scale for each head, which no token takes.
        Assert.Equal(8 * 2 * 128, (Llama3 with { CacheStorage = ElementType.Float8E4M3 }).CacheBytesPerToken);

        // int8 has two float32 scales for each KV head besides.
        Assert.Equal(8 * ((2 * 128) + 8), (Llama3 with { CacheStorage = ElementType.Int8 }).CacheBytesPerToken);
    }

    [Fact]
    public void Decode_reads_the_cache_once_and_computes_two_products_a_key()
    {
        var cost = new AttentionCost(Llama3);
        WorkCost decode = cost.Decode(requests: 16, context: 8192);

        // 4 · 32 heads · 128 a key, for each of 16 · 8192 keys; 4096 bytes a key, and 2 · 32 · 128 · 2 bytes of queries and outputs.
        Assert.Equal(16_384, Llama3.FlopsPerQueryAndKey);
        Assert.Equal(16_384.0 * 16 * 8192, decode.Flops);
        Assert.Equal(16L * ((8192 * 4096) + 16_384), decode.Bytes);

        // Four query heads share each byte: 4 · 2 FLOPs for 2 bytes, less what queries and outputs take.
        Assert.InRange(decode.Intensity, 3.99, 4);
    }

    [Fact]
    public void Absorbed_latent_attention_does_two_hundred_operations_a_byte()
    {
        WorkCost decode = new AttentionCost(DeepSeekV3).Decode(1, 1 << 20);

        // 2 · 128 · (576 + 512) FLOPs for 1152 bytes.
        Assert.Equal(278_528, DeepSeekV3.FlopsPerQueryAndKey);
        Assert.Equal(278_528 / 1152.0, decode.Intensity, 0.1);

        // In fp8 for 656 bytes; a new token is read as it arrives, in 16 bits.
        var float8 = new AttentionCost(DeepSeekV3 with { CacheStorage = ElementType.Float8E4M3 });
        Assert.Equal(278_528 / 656.0, float8.Decode(1, 1 << 20).Intensity, 0.2);
        Assert.Equal(7 * (1152 + 656), float8.Append(7).Bytes);
    }

    [Fact]
    public void A_causal_prompt_is_half_a_square()
    {
        var cost = new AttentionCost(Llama3);
        Assert.Equal(1024 * 1025 / 2, cost.CountVisiblePairs(1024, 1024));
        Assert.Equal(16_384.0 * 1024 * 1025 / 2, cost.Prefill(1, 1024).Flops);
        Assert.Equal(1024L * (4096 + 16_384), cost.Prefill(1, 1024).Bytes);

        // The second half of it sees three times as many.
        Assert.Equal(3 * 512 * 512 / 2, cost.CountVisiblePairs(512, 1024) - (512 / 2));
        Assert.Equal(1024, cost.CountKeysRead(512, 1024));
    }

    [Fact]
    public void A_window_bounds_what_is_read()
    {
        var cost = new AttentionCost(Llama3 with { WindowLeft = 4095 });
        Assert.Equal(4096, cost.CountKeysRead(1, 100_000));
        Assert.Equal(4096, cost.CountVisiblePairs(1, 100_000));
        Assert.Equal(cost.Decode(1, 4096), cost.Decode(1, 100_000));
        Assert.Equal(4096L * 4095 / 2 + (4096L * (10_000 - 4095)), cost.CountVisiblePairs(10_000, 10_000));
    }

    [Fact]
    public void New_tokens_are_read_and_written()
    {
        // 2 · 8 · 128 elements: 2 bytes as they arrive, and as they stay.
        Assert.Equal(new WorkCost(0, 10 * (4096 + 4096)), new AttentionCost(Llama3).Append(10));
        Assert.Equal(new WorkCost(0, 10 * (1152 + 1152)), new AttentionCost(DeepSeekV3).Append(10));
    }

    [Theory]
    [InlineData(AttentionMask.None, null, null)]
    [InlineData(AttentionMask.None, 3, null)]
    [InlineData(AttentionMask.None, null, 2)]
    [InlineData(AttentionMask.None, 0, 0)]
    [InlineData(AttentionMask.None, 4, 1)]
    [InlineData(AttentionMask.Causal, null, null)]
    [InlineData(AttentionMask.Causal, 0, null)]
    [InlineData(AttentionMask.Causal, 5, null)]
    public void Pairs_are_those_that_counting_finds(AttentionMask mask, int? left, int? right)
    {
        var cost = new AttentionCost(Llama3 with { Mask = mask, WindowLeft = left, WindowRight = right });
        for (int queries = 0; queries < 14; queries++)
        {
            for (int keys = 0; keys < 14; keys++)
            {
                (long pairs, bool[] read) = (0, new bool[keys]);
                for (int query = keys - queries; query < keys; query++)
                {
                    for (int key = 0; key < keys; key++)
                    {
                        bool visible = (left is null || key >= query - left) && (right is null || key <= query + right)
                            && (mask == AttentionMask.None || key <= query);
                        pairs += visible ? 1 : 0;
                        read[key] |= visible;
                    }
                }

                Assert.Equal((queries, keys, pairs), (queries, keys, cost.CountVisiblePairs(queries, keys)));

                // A range: that queries before the first key leave some of it out makes no difference to what is fetched.
                long least = read.Count(seen => seen);
                Assert.InRange(cost.CountKeysRead(queries, keys), least, queries > keys || right >= 0 ? keys : least);
            }
        }
    }

    [Fact]
    public void Counts_are_of_64_bits()
    {
        var cost = new AttentionCost(Llama3);
        Assert.Equal((1L << 31) * ((1L << 31) + 1) / 2, cost.CountVisiblePairs(1L << 31, 1L << 31));
        Assert.Equal(4096L * 64 * 10_000_000 + (64 * 16_384), cost.Decode(64, 10_000_000).Bytes);
        Assert.Throws<OverflowException>(() => cost.Decode(1L << 40, 1L << 40));
        Assert.Throws<ArgumentOutOfRangeException>(() => cost.Decode(-1, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => cost.Decode(1, -1));
    }

    internal static AttentionShape Shape(int queryHeads, int kvHeads, int headDim) => new(
        queryHeads, kvHeads, headDim, headDim, 1 / Math.Sqrt(headDim), AttentionMask.Causal, ElementType.Float16, ElementType.Float16,
        KvLayout.Hnd);
}
