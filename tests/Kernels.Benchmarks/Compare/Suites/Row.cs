using System.Collections.Immutable;
using System.Globalization;
using Kernels.OpenCL;

namespace Kernels.Benchmarks.Compare;

/// <summary>A row of a suite: a piece of work, how our kernels do it, and what is asked of them.</summary>
/// <param name="Work">The work.</param>
/// <param name="Bound">What limits it.</param>
/// <param name="Open">Prepares it on a device: the cache filled, the step planned.</param>
internal sealed record Row(Work Work, Bound Bound, Func<ComputeDevice, IWorkload> Open)
{
    /// <summary>What is asked for.</summary>
    public ImmutableArray<Bar> Bars { get; init; } = [];

    /// <summary>What is hoped for.</summary>
    public ImmutableArray<Bar> Aims { get; init; } = [];

    /// <summary>The rows that bars and aims compare it with.</summary>
    public IEnumerable<Row> Others => Bars.Concat(Aims).OfType<OtherRowBar>().Select(bar => bar.Other).DistinctBy(row => row.Name);

    /// <summary>The series that the row is a point of; null: none.</summary>
    public Series? Series { get; init; }

    /// <summary>Its name.</summary>
    public string Name => Work.Name;

    /// <summary>A row over a contiguous cache.</summary>
    public static Row Contiguous<TSpec, TElement>(
        Step step, int batch, int sequence, string suffix = "", Mod mod = Mod.None, Func<Extras<TSpec>, AttentionInputs>? extras = null)
        where TSpec : IContiguousAttention<TSpec, TElement>
        where TElement : unmanaged
    {
        Work work = Describe(TSpec.Descriptor.Shape, step, batch, sequence, mod, suffix);
        return new(
            work, BoundOf(work), device => AttentionWorkload<TSpec, TElement>.Contiguous(
                device, work, extras, (attention, layers) => attention.CreateCache(batch, sequence, layers)));
    }

    /// <summary>A row over a paged cache, whose first keys are perhaps shared.</summary>
    public static Row Paged<TSpec, TElement>(
        Step step, int batch, int sequence, string suffix = "", int sharedKeys = 0, bool readsSharedKeysOnce = false)
        where TSpec : IPagedAttention<TSpec, TElement>
        where TElement : unmanaged
    {
        Work work = Describe(TSpec.Descriptor.Shape, step, batch, sequence, Mod.None, suffix) with
        {
            SharedKeys = sharedKeys,
            ReadsSharedKeysOnce = readsSharedKeysOnce,
        };
        int pageSize = work.PageSize;
        int pages = (sharedKeys / pageSize) + (batch * ((sequence - sharedKeys + pageSize - 1) / pageSize));
        return new(
            work, BoundOf(work), device => AttentionWorkload<TSpec, TElement>.Paged(
                device, work, (attention, layers) => attention.CreateCache(pages, layers)));
    }

    private static Bound BoundOf(Work work) => work.Step == Step.Prefill || work.Latent ? Bound.Arithmetic : Bound.Memory;

    private static Work Describe(AttentionShape shape, Step step, int batch, int sequence, Mod mod, string suffix)
    {
        bool causal = shape.Mask == AttentionMask.Causal || mod == Mod.Document;
        string heads = shape.QueryHeads == shape.KvHeads ? $"{shape.QueryHeads}" : $"{shape.QueryHeads}/{shape.KvHeads}";
        string dim = shape.LatentCache ? $"D{shape.ValueDim}+{shape.HeadDim - shape.ValueDim}"
            : shape.ValueDim != shape.HeadDim ? $"D{shape.HeadDim}/{shape.ValueDim}"
            : $"D{shape.HeadDim}";
        string mask = step == Step.Decode ? "" : causal ? " causal" : " full";
        string kind = (step == Step.Prefill ? "prefill" : shape.LatentCache ? "MLA decode" : "decode") + mask;
        string name = string.Create(
            CultureInfo.InvariantCulture, $"{kind} {Short(shape.CacheStorage)} B{batch} H{heads} S{sequence} {dim}{suffix}");
        return new(
            name, step, batch, shape.QueryHeads, shape.KvHeads, shape.HeadDim, shape.ValueDim, sequence, shape.Storage, shape.CacheStorage,
            shape.Scale)
        {
            Causal = causal,
            Mod = mod,
            Window = shape.WindowLeft + 1 ?? 0,
            PageSize = shape.PageSize,
            Latent = shape.LatentCache,
            CacheBytesPerToken = shape.CacheBytesPerToken,
        };
    }

    private static string Short(ElementType type) => type switch
    {
        ElementType.Float32 => "f32",
        ElementType.Float16 => "f16",
        ElementType.BFloat16 => "bf16",
        ElementType.Float8E4M3 => "fp8",
        _ => type.ToString().ToLowerInvariant(),
    };
}
