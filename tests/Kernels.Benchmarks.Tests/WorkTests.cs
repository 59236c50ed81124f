using Kernels.Benchmarks.Compare;

namespace Kernels.Benchmarks.Tests;

/// <summary>Operations and bytes, against numbers worked out by hand.</summary>
public sealed class WorkTests
{
    [Fact]
    public void ACausalPrefillIsHalfASquare() =>
        Assert.Equal(2.0 * 16 * 1024 * 1024 * 64, Find("prefill causal f32 B1 H16 S1024 D64").Flops);

    [Fact]
    public void AWindowCountsTheScoresThatItShows()
    {
        // The first 128 queries see 1, 2, … 128 keys, all others 128.
        double visible = (128 * 129 / 2.0) + (128.0 * (16384 - 128));
        Assert.Equal(visible, Find("prefill causal f32 B1 H32/8 S16384 D128 window 128").VisibleScores);
    }

    [Fact]
    public void DecodeReadsKeysAndValuesOnceWithTheirScales()
    {
        Assert.Equal(8.0 * 4096 * 8 * 128 * 2 * 4, Find("decode f32 B8 H32/8 S4096 D128").Bytes);
        Assert.Equal(8.0 * 4096 * 8 * 2 * (128 + 4), Find("decode int8 B8 H32/8 S4096 D128").Bytes);
    }

    [Fact]
    public void ALatentRowIsOneForAllHeads()
    {
        Work work = Find("MLA decode f32 B1 H128/1 S4096 D512+64");
        Assert.Equal(2.0 * 128 * 4096 * (576 + 512), work.Flops);
        Assert.Equal(4096.0 * 576 * 4, work.Bytes);
    }

    [Fact]
    public void ASharedPrefixIsReadOnceOrByEach()
    {
        const double token = 8 * 128 * 2 * 2;
        Work once = Find("decode f16 B32 H32/8 S8320 D128 prefix 8192 read once"),
            each = Find("decode f16 B32 H32/8 S8320 D128 prefix 8192 read by each");
        Assert.Equal(token * (8192 + (32 * 128)), once.Bytes);
        Assert.Equal(token * 32 * 8320, each.Bytes);
        Assert.Equal(once.StoredBytes, each.StoredBytes);
    }

    private static Work Find(string name) => Suite.All[0].Find(name)?.Work ?? throw new ArgumentException(name);
}
