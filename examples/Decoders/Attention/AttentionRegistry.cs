using System.Globalization;
using System.Text;
using Kernels;
using Kernels.OpenCL;

namespace Decoders;

/// <summary>The attention types that this program was compiled with, by the geometry of a layer.</summary>
public static partial class AttentionRegistry
{
    // Of the types that come with this program.
    private const int DefaultPageSize = 16;

    /// <summary>Makes the attention of models from the compiled types, with a kind of cache.</summary>
    /// <exception cref="CheckpointException">No attention kernel was compiled in for a layer; the message has the attribute to add.</exception>
    /// <param name="cache">The kind of cache.</param>
    /// <param name="mla">How latent attention runs; other attention has one form.</param>
    /// <param name="expandFrom">With <see cref="MlaForm.Auto"/>, new tokens from which on a request attends expanded; by default where it takes less arithmetic.</param>
    public static AttentionFactory With(CacheKind cache, MlaForm mla = MlaForm.Auto, int? expandFrom = null) => Create(cache, mla, expandFrom, pages: null);

    /// <summary>Makes the attention of models with a paged cache of this many pages, however many sequences share them.</summary>
    /// <exception cref="CheckpointException">No attention kernel was compiled in for a layer; the message has the attribute to add.</exception>
    /// <param name="pages">Pages; null for as many as all sequences take at full length.</param>
    /// <param name="mla">How latent attention runs; other attention has one form.</param>
    /// <param name="expandFrom">As for the other.</param>
    public static AttentionFactory WithPages(int? pages, MlaForm mla = MlaForm.Auto, int? expandFrom = null) => Create(CacheKind.Paged, mla, expandFrom, pages);

    private static AttentionFactory Create(CacheKind cache, MlaForm mla, int? expandFrom, int? pages) => (device, config, sequences, capacity) =>
    {
        AttentionGeometry[] layers = [.. config.Layers.Select(layer => config.Latent is { } latent && mla == MlaForm.Expanded ? latent.Expanded : layer.Attention)];

        // Found at once, so that a step finds what it needs.
        Entry? inPassing = config.Latent is { } l && mla == MlaForm.Auto ? Find(l.Expanded, CacheKind.Contiguous, capacity) : null;
        var entries = layers.Distinct().ToDictionary(geometry => geometry, geometry => Find(geometry, cache, capacity));
        Entry first = entries[layers[0]];
        if (entries.Values.Append(inPassing ?? first).FirstOrDefault(entry => entry.Shape.Storage != first.Shape.Storage) is { } other)
        {
            throw new CheckpointException(
                ModelConfig.FileName,
                $"the attention types of a model must have one Storage; {first.Descriptor.Name} has {first.Shape.Storage}, {other.Descriptor.Name} has {other.Shape.Storage}.");
        }

        var cached = new LayeredAttention(
            layers, (geometry, count) => entries[geometry].Create(new CacheRequest(device, sequences, capacity, count, pages)));
        return config.Latent is null
            ? cached
            : new LatentAttention(device, config.Latent, mla, expandFrom, cached, (count, longest) => inPassing!.Create(new CacheRequest(device, count, longest, 1, Pages: null)));
    };

    private static Entry Find(AttentionGeometry geometry, CacheKind cache, int capacity)
    {
        Entry? entry = Array.Find(Entries, candidate => candidate.Matches(geometry, cache));
        if (entry is null && geometry.WindowLeft >= capacity - 1)
        {
            // A window that no sequence grows out of makes no difference.
            entry = Array.Find(Entries, candidate => candidate.Matches(geometry with { WindowLeft = -1 }, cache));
        }

        string name = TypeName(geometry, cache);
        return entry ?? throw new CheckpointException(
            ModelConfig.FileName,
            $"""
            no attention kernel was compiled in for {Describe(geometry)}, with a {(cache == CacheKind.Paged ? "paged" : "contiguous")} cache. Add to Attention/KnownModels.cs:
                [AttentionKernel({Arguments(geometry, cache)})]
                internal sealed partial class {name};
            and Entry.{cache}<{name}, Half>() to Attention/AttentionTypes.cs.
            """);
    }

    private static string Describe(AttentionGeometry geometry) => string.Create(
        CultureInfo.InvariantCulture,
        $"{geometry.QueryHeads} query heads over {geometry.KvHeads} KV heads of {geometry.HeadDim}")
        + (geometry.LatentCache ? string.Create(CultureInfo.InvariantCulture, $", latent rows with values of {geometry.ValueDim}")
            : geometry.ValueDim != geometry.HeadDim ? string.Create(CultureInfo.InvariantCulture, $", values of {geometry.ValueDim}") : "")
        + (geometry.Rope == RopeStyle.None ? "" : string.Create(CultureInfo.InvariantCulture, $", {geometry.Rope} rope of {geometry.RotaryDim}"))
        + (HasOwnScale(geometry) ? string.Create(CultureInfo.InvariantCulture, $", scale {geometry.Scale}") : "")
        + (geometry.WindowLeft >= 0 ? string.Create(CultureInfo.InvariantCulture, $", a window of {geometry.WindowLeft + 1} keys") : "")
        + (geometry.Softcap > 0 ? string.Create(CultureInfo.InvariantCulture, $", softcap {geometry.Softcap}") : "")
        + (geometry.Alibi ? ", ALiBi" : "")
        + (geometry.Sinks ? ", sinks" : "");

    private static string Arguments(AttentionGeometry geometry, CacheKind cache)
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"queryHeads: {geometry.QueryHeads}, kvHeads: {geometry.KvHeads}, headDim: {geometry.HeadDim}");
        if (geometry.LatentCache || geometry.ValueDim != geometry.HeadDim)
        {
            text.Append(CultureInfo.InvariantCulture, $", ValueDim = {geometry.ValueDim}{(geometry.LatentCache ? ", LatentCache = true" : "")}");
        }

        text.Append(", Mask = AttentionMask.Causal");
        if (geometry.Rope != RopeStyle.None)
        {
            text.Append(CultureInfo.InvariantCulture, $", Rope = RopeStyle.{geometry.Rope}");
            int turnable = geometry.HeadDim - (geometry.LatentCache ? geometry.ValueDim : 0);
            text.Append(geometry.RotaryDim == turnable ? "" : string.Create(CultureInfo.InvariantCulture, $", RotaryDim = {geometry.RotaryDim}"));
        }

        if (geometry.LatentCache || HasOwnScale(geometry))
        {
            text.Append(CultureInfo.InvariantCulture, $", Scale = {geometry.Scale}");
        }

        if (geometry.WindowLeft >= 0)
        {
            text.Append(CultureInfo.InvariantCulture, $", WindowLeft = {geometry.WindowLeft}");
        }

        if (geometry.Softcap > 0)
        {
            text.Append(CultureInfo.InvariantCulture, $", Softcap = {geometry.Softcap}");
        }

        text.Append(geometry.Alibi ? ", Alibi = true" : "").Append(geometry.Sinks ? ", Sinks = true" : "");
        return text.Append(cache == CacheKind.Paged ? $", PageSize = {DefaultPageSize}" : "").Append(", Storage = ElementType.Float16").ToString();
    }

    private static string TypeName(AttentionGeometry geometry, CacheKind cache) => string.Create(
        CultureInfo.InvariantCulture, $"Heads{geometry.QueryHeads}Over{geometry.KvHeads}Of{geometry.HeadDim}")
        + (geometry.LatentCache ? string.Create(CultureInfo.InvariantCulture, $"Latent{geometry.ValueDim}")
            : geometry.ValueDim != geometry.HeadDim ? string.Create(CultureInfo.InvariantCulture, $"To{geometry.ValueDim}") : "")
        + (geometry.Rope == RopeStyle.None ? "" : $"{geometry.Rope}")
        + (HasOwnScale(geometry) ? "Scaled" : "")
        + (geometry.WindowLeft >= 0 ? string.Create(CultureInfo.InvariantCulture, $"Window{geometry.WindowLeft + 1}") : "")
        + (geometry.Softcap > 0 ? "Capped" : "")
        + (geometry.Alibi ? "Alibi" : "")
        + (geometry.Sinks ? "Sinks" : "")
        + (cache == CacheKind.Paged ? "Paged" : "");

    private static bool HasOwnScale(AttentionGeometry geometry) => !IsSame(geometry.Scale, 1 / Math.Sqrt(geometry.HeadDim));

    // Kernels have both in float32.
    private static bool IsSame(double a, double b) => (float)a == (float)b;

    /// <summary>The cache that layers of one geometry need.</summary>
    /// <param name="Pages">Pages of a paged cache; null for as many as all sequences take at full length.</param>
    private sealed record CacheRequest(ComputeDevice Device, int Sequences, int Capacity, int Layers, int? Pages);

    private sealed record Entry(AttentionDescriptor Descriptor, Func<CacheRequest, IDivisibleAttention> Create)
    {
        public AttentionShape Shape => Descriptor.Shape;

        public static Entry Contiguous<TAttention, TElement>() where TAttention : class, IContiguousAttention<TAttention, TElement> where TElement : unmanaged => new(
            TAttention.Descriptor,
            r => new GeneratedAttention<TAttention, TElement>(
                TAttention.Create(r.Device), attention => attention.CreateCache(r.Sequences, r.Capacity, r.Layers), r.Sequences, r.Capacity));

        public static Entry Paged<TAttention, TElement>() where TAttention : class, IPagedAttention<TAttention, TElement> where TElement : unmanaged => new(
            TAttention.Descriptor,
            r => new GeneratedAttention<TAttention, TElement>(
                TAttention.Create(r.Device), attention => attention.CreateCache(r.Pages ?? Pages(r, TAttention.Descriptor.Shape.PageSize), r.Layers), r.Sequences, r.Capacity));

        public bool Matches(AttentionGeometry geometry, CacheKind cache) =>
            (Shape.QueryHeads, Shape.KvHeads, Shape.HeadDim, Shape.ValueDim) == (geometry.QueryHeads, geometry.KvHeads, geometry.HeadDim, geometry.ValueDim)
            && (Shape.LatentCache, Shape.Rope, Shape.RotaryDim) == (geometry.LatentCache, geometry.Rope, geometry.RotaryDim)
            && (Shape.WindowLeft, Shape.Alibi, Shape.Sinks) == (geometry.WindowLeft, geometry.Alibi, geometry.Sinks)
            && IsSame(Shape.Scale, geometry.Scale)
            && IsSame(Shape.Softcap, geometry.Softcap)
            && (Shape.PageSize > 0) == (cache == CacheKind.Paged);

        private static int Pages(CacheRequest request, int pageSize) =>
            checked(request.Sequences * (int)(((long)request.Capacity + pageSize - 1) / pageSize));
    }
}
