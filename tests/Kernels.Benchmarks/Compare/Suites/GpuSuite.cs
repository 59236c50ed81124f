using System.Collections.Immutable;

namespace Kernels.Benchmarks.Compare;

/// <summary>What is measured on data-centre GPUs, and asked of them.</summary>
internal static class GpuSuite
{
    private static readonly Row Grouped = Row.Contiguous<GroupedHalf, Half>(Step.Decode, 16, 8192) with
    {
        Bars = [new PeerBar(null, 1)],
        Aims = [new CeilingBar(0.95)],
    };

    private static readonly Row Large = Row.Contiguous<GroupedHalf, Half>(Step.Decode, 64, 8192);

    private static readonly Row Prefill = Row.Contiguous<GroupedHalf, Half>(Step.Prefill, 4, 4096) with
    {
        Bars = [new PeerBar(Participant.FlashAttention, 1.25)],
        Aims = [new PeerBar(Participant.CuDnn, 1.05)],
    };

    private static readonly Row Unshared = Row.Paged<GroupedPagedHalf, Half>(Step.Decode, 32, 8320, " prefix 8192 read by each", 8192);

    /// <summary>The rows.</summary>
    public static ImmutableArray<Row> Rows { get; } =
    [
        Grouped,
        Row.Contiguous<GroupedHalf, Half>(Step.Decode, 64, 4096) with { Bars = Grouped.Bars, Aims = Grouped.Aims },
        Row.Contiguous<MultiHead128Half, Half>(Step.Decode, 16, 8192) with { Bars = Grouped.Bars, Aims = Grouped.Aims },
        Row.Contiguous<GroupedHalf, Half>(Step.Decode, 1, 65536) with { Bars = [new PeerBar(null, 1.1)], Aims = [new CeilingBar(0.9)] },
        Row.Paged<GroupedPagedHalf, Half>(Step.Decode, 16, 8192, " page 16") with
        {
            Bars = [new RowBar(Grouped, "contiguous", 0.95)],
            Aims = [new RowBar(Grouped, "contiguous", 0.98)],
        },
        Large,
        Row.Contiguous<GroupedInt8, Half>(Step.Decode, 64, 8192) with
        {
            Bars = [new RowBar(Large, "float16", 1.7)],
            Aims = [new RowBar(Large, "float16", 1.9)],
        },
        Row.Contiguous<GroupedFloat8, Half>(Step.Decode, 64, 8192) with
        {
            Bars = [new RowBar(Large, "float16", 1.7)],
            Aims = [new RowBar(Large, "float16", 1.9)],
        },
        Row.Contiguous<GroupedInt4, Half>(Step.Decode, 64, 8192),
        Row.Contiguous<GroupedBFloat16, BFloat16>(Step.Decode, 64, 8192),
        Row.Paged<GroupedPagedInt8, Half>(Step.Decode, 64, 8192, " page 16"),
        Row.Contiguous<LatentHalf, Half>(Step.Decode, 64, 4096) with { Bars = [new RateBar(350)], Aims = [new RateBar(660)] },
        Row.Paged<LatentPagedHalf, Half>(Step.Decode, 64, 4096, " page 64"),
        Prefill,
        Row.Contiguous<GroupedHalf, Half>(Step.Prefill, 1, 16384) with { Bars = Prefill.Bars, Aims = Prefill.Aims },
        Row.Contiguous<MultiHead64HalfFull, Half>(Step.Prefill, 4, 4096) with
        {
            Bars = [new PeerBar(Participant.FlashAttention, 1)],
            Aims = [new PeerBar(Participant.CuDnn, 1)],
        },
        Row.Contiguous<Grouped256Half, Half>(Step.Prefill, 4, 4096),
        Row.Contiguous<ExpandedHalf, Half>(Step.Prefill, 4, 4096),
        Row.Contiguous<SlopedHalf, Half>(Step.Prefill, 4, 4096, " score mod", Mod.Slope, Mods.Slopes) with
        {
            Bars = [new PeerBar(Participant.FlexAttention, 1.1)],
            Aims = [new PeerBar(Participant.FlexAttention, 1.5), new RowBar(Prefill, "unmodified", 1 / 1.1)],
        },
        Row.Contiguous<DocumentMaskHalf, Half>(Step.Prefill, 4, 4096, " mask mod", Mod.Document, Mods.Documents) with
        {
            Aims = [new RowBar(Prefill, "unmodified", 1 / 1.1)],
        },
        Unshared,
        Row.Paged<GroupedPagedHalf, Half>(Step.Decode, 32, 8320, " prefix 8192 read once", 8192, readsSharedKeysOnce: true) with
        {
            Bars = [new RowBar(Unshared, "read by each", 3)],
        },
        .. from length in CpuSuite.Lengths(1024, 32768)
           select Row.Contiguous<GroupedHalf, Half>(Step.Prefill, 1, length, " growth") with
           {
               Series = new("growth prefill f16 B1 H32/8 D128", SeriesAxis.Sequence, 2),
           },
        .. from length in CpuSuite.Lengths(1024, 32768)
           select Row.Contiguous<GroupedHalf, Half>(Step.Decode, 16, length, " growth") with
           {
               Series = new("growth decode f16 B16 H32/8 D128", SeriesAxis.Sequence, 1),
           },
        .. from batch in CpuSuite.Lengths(1, 64)
           select Row.Contiguous<GroupedHalf, Half>(Step.Decode, batch, 4096, " batch") with
           {
               Series = new("batch decode f16 S4096 H32/8 D128", SeriesAxis.Batch),
           },
    ];
}
