using System.Collections.Immutable;

namespace Kernels.Benchmarks.Compare;

/// <summary>What is measured on CPUs, and asked of them.</summary>
internal static class CpuSuite
{
    private const int ShortestDecode = 1024;

    private static readonly Row Short = Row.Contiguous<Grouped, float>(Step.Prefill, 1, 1024) with
    {
        Bars = [new CeilingBar(0.8), new PeerBar(Participant.Onnx, 1.35), new PeerBar(Participant.Torch, 1.6)],
    };

    private static readonly Row Long = Row.Contiguous<Grouped, float>(Step.Prefill, 1, 4096) with { Bars = [new CeilingBar(0.88)] };

    private static readonly Row Decode = Row.Contiguous<Grouped, float>(Step.Decode, 8, 4096) with
    {
        Bars = [new CeilingBar(0.8), new PeerBar(Participant.Onnx, 1.6)],
    };

    private static readonly Row Half = Row.Contiguous<GroupedHalf, Half>(Step.Decode, 8, 4096) with { Bars = [new CeilingBar(0.75)] };

    private static readonly Row Unshared = Row.Paged<GroupedPaged, float>(Step.Decode, 32, 8320, " prefix 8192 read by each", 8192);

    private static readonly Row UnsharedHalf = Row.Paged<GroupedPagedHalf, Half>(Step.Decode, 32, 8320, " prefix 8192 read by each", 8192);

    /// <summary>The rows.</summary>
    public static ImmutableArray<Row> Rows { get; } =
    [
        Row.Contiguous<MultiHead64, float>(Step.Prefill, 1, 1024) with { Bars = Short.Bars },
        Short,
        Long,
        Row.Contiguous<GroupedWindow, float>(Step.Prefill, 1, 16384, " window 128") with
        {
            Bars = [new RowBar(Long, "the causal S4096", 0.5, PerScore: true)],
        },
        Row.Contiguous<Sloped, float>(Step.Prefill, 1, 1024, " score mod", Mod.Slope, Mods.Slopes) with
        {
            Bars = [new RowBar(Short, "unmodified", 1 / 1.1)],
        },
        Row.Contiguous<DocumentMask, float>(Step.Prefill, 1, 1024, " mask mod", Mod.Document, Mods.Documents) with
        {
            Bars = [new RowBar(Short, "unmodified", 1 / 1.1)],
        },
        Decode,
        Row.Paged<GroupedPaged, float>(Step.Decode, 8, 4096, " page 16") with { Bars = [new RowBar(Decode, "contiguous", 0.95)] },
        Half,
        Row.Paged<GroupedPagedHalf, Half>(Step.Decode, 8, 4096, " page 16") with { Bars = [new RowBar(Half, "contiguous", 0.95)] },
        Row.Contiguous<GroupedBFloat16, BFloat16>(Step.Decode, 8, 4096) with { Bars = [new CeilingBar(0.75)] },
        Row.Contiguous<GroupedInt8, Half>(Step.Decode, 8, 4096) with { Bars = [new RowBar(Half, "float16", 1.15)] },
        Row.Contiguous<GroupedInt4, Half>(Step.Decode, 8, 4096),
        Row.Contiguous<GroupedFloat8, Half>(Step.Decode, 8, 4096),
        Row.Contiguous<Latent, float>(Step.Decode, 1, 4096) with { Bars = [new CeilingBar(0.7)] },
        Unshared,
        Row.Paged<GroupedPaged, float>(Step.Decode, 32, 8320, " prefix 8192 read once", 8192, readsSharedKeysOnce: true) with
        {
            Bars = [new RowBar(Unshared, "read by each", 3)],
        },
        UnsharedHalf,
        Row.Paged<GroupedPagedHalf, Half>(Step.Decode, 32, 8320, " prefix 8192 read once", 8192, readsSharedKeysOnce: true) with
        {
            Bars = [new RowBar(UnsharedHalf, "read by each", 3)],
        },
        .. from length in Lengths(512, 32768)
           select Row.Contiguous<SmallGrouped, float>(Step.Prefill, 1, length, " growth") with
           {
               Series = new("growth prefill f32 B1 H8/2 D64", SeriesAxis.Sequence, 2),
           },
        .. from length in Lengths(ShortestDecode, 32768)
           let row = DecodeOf(length)
           select length == ShortestDecode ? row : row with { Bars = [new GrowthBar(DecodeOf(length / 2), 1.9, 2.1)] },
        .. from batch in Lengths(1, 16)
           select Row.Contiguous<Grouped, float>(Step.Decode, batch, 2048, " batch") with
           {
               Series = new("batch decode f32 S2048 H32/8 D128", SeriesAxis.Batch),
           },
    ];

    // Copies of the cache take turns, so that all lengths are out of the processor's caches.
    private static Row DecodeOf(int length) =>
        Row.Contiguous<Grouped, float>(Step.Decode, 1, length, " growth") with
        {
            Series = new("growth decode f32 B1 H32/8 D128", SeriesAxis.Sequence, 1),
        };

    /// <summary>Powers of two.</summary>
    internal static IEnumerable<int> Lengths(int first, int last)
    {
        for (int length = first; length <= last; length *= 2)
        {
            yield return length;
        }
    }
}
