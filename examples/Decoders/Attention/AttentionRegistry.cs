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
    /// <param name="type">The type of queries, keys, values, outputs and the cache; by default that of the checkpoint's weights, see <see cref="StorageOf"/>.</param>
    public static AttentionFactory With(CacheKind cache, MlaForm mla = MlaForm.Auto, int? expandFrom = null, ElementType? type = null) =>
        Create(cache, mla, expandFrom, pages: null, type);

    /// <summary>Makes the attention of models with a paged cache of this many pages, however many sequences share them.</summary>
    /// <exception cref="CheckpointException">No attention kernel was compiled in for a layer; the message has the attribute to add.</exception>
    /// <param name="pages">Pages; null for as many as all sequences take at full length.</param>
    /// <param name="mla">How latent attention runs; other attention has one form.</param>
    /// <param name="expandFrom">As for the other.</param>
    /// <param name="type">As for the other.</param>
    public static AttentionFactory WithPages(int? pages, MlaForm mla = MlaForm.Auto, int? expandFrom = null, ElementType? type = null) =>
        Create(CacheKind.Paged, mla, expandFrom, pages, type);

    /// <summary>
    /// The type that a model's attention has: that of its weights where they are in 16 bits, else float32, else float16. Weights in 16 bits run
    /// in float32 where no attention was compiled in for their type, but not in the other 16-bit type, which may not hold their numbers.
    /// </summary>
    /// <param name="config">The model.</param>
    /// <param name="cache">The kind of cache.</param>
    /// <param name="capacity">The most tokens that a sequence may have.</param>
    /// <param name="mla">How latent attention runs.</param>
    internal static ElementType StorageOf(ModelConfig config, CacheKind cache, int capacity, MlaForm mla = MlaForm.Auto)
    {
        ElementType wanted = config.WeightType == ElementType.BFloat16 ? ElementType.BFloat16 : ElementType.Float16;
        ElementType[] inTurn = config.WeightType is ElementType.Float16 or ElementType.BFloat16 ? [wanted, ElementType.Float32] : [ElementType.Float32, wanted];
        IEnumerable<(AttentionGeometry, CacheKind)> needed = LayersOf(config, mla).Select(geometry => (geometry, cache));
        if (config.Latent is { } latent && mla == MlaForm.Auto)
        {
            needed = needed.Append((latent.Expanded, CacheKind.Contiguous));
        }

        (AttentionGeometry Geometry, CacheKind Cache)[] all = [.. needed.Distinct()];
        return inTurn.Cast<ElementType?>().FirstOrDefault(type => all.All(one => TryFind(one.Geometry, one.Cache, capacity, type!.Value) is not null)) ?? wanted;
    }

    private static IEnumerable<AttentionGeometry> LayersOf(ModelConfig config, MlaForm mla) =>
        config.Layers.Select(layer => config.Latent is { } latent && mla == MlaForm.Expanded ? latent.Expanded : layer.Attention);

    private static AttentionFactory Create(CacheKind cache, MlaForm mla, int? expandFrom, int? pages, ElementType? asked) => (device, config, sequences, capacity) =>
    {
        ElementType type = asked ?? StorageOf(config, cache, capacity, mla);
        AttentionGeometry[] layers = [.. LayersOf(config, mla)];

        // Found at once, so that a step finds what it needs.
        Entry? inPassing = config.Latent is { } l && mla == MlaForm.Auto ? Find(l.Expanded, CacheKind.Contiguous, capacity, type) : null;
        var entries = layers.Distinct().ToDictionary(geometry => geometry, geometry => Find(geometry, cache, capacity, type));
        string reason = asked is not null ? "as asked for"
            : config.WeightType is not { } weights ? "as the type of the weights is not known"
            : weights == type ? "as the weights are"
            : $"which was compiled in for weights in {weights}";
        var cached = new LayeredAttention(
            layers, (geometry, count) => entries[geometry].Create(new CacheRequest(device, sequences, capacity, count, pages)), reason);
        return config.Latent is null
            ? cached
            : new LatentAttention(device, config.Latent, mla, expandFrom, cached, (count, longest) => inPassing!.Create(new CacheRequest(device, count, longest, 1, Pages: null)));
    };

    private static Entry? TryFind(AttentionGeometry geometry, CacheKind cache, int capacity, ElementType type)
    {
        Entry? entry = Array.Find(Entries, candidate => candidate.Matches(geometry, cache, type));

        // A window that no sequence grows out of makes no difference.
        return entry is null && geometry.WindowLeft >= capacity - 1
            ? Array.Find(Entries, candidate => candidate.Matches(geometry with { WindowLeft = -1 }, cache, type))
            : entry;
    }

    private static Entry Find(AttentionGeometry geometry, CacheKind cache, int capacity, ElementType type)
    {
        string name = TypeName(geometry, cache, type);
        return TryFind(geometry, cache, capacity, type) ?? throw new CheckpointException(
            ModelConfig.FileName,
            $"""
            no attention kernel was compiled in for {Describe(geometry)}, with a {(cache == CacheKind.Paged ? "paged" : "contiguous")} cache, in {type}. Add to Attention/KnownModels.cs:
                [AttentionKernel({Arguments(geometry, cache, type)})]
                internal sealed partial class {name};
            and Entry.{cache}<{name}, {HostType(type)}>() to Attention/AttentionTypes.cs.
            """);
    }

    private static string HostType(ElementType type) => type switch
    {
        ElementType.Float16 => nameof(Half),
        ElementType.BFloat16 => nameof(BFloat16),
        _ => "float",
    };

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

    private static string Arguments(AttentionGeometry geometry, CacheKind cache, ElementType type)
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
        return text.Append(cache == CacheKind.Paged ? $", PageSize = {DefaultPageSize}" : "")
            .Append(type == ElementType.Float32 ? "" : $", Storage = ElementType.{type}").ToString();
    }

    private static string TypeName(AttentionGeometry geometry, CacheKind cache, ElementType type)
    {
        string name = string.Create(CultureInfo.InvariantCulture, $"Heads{geometry.QueryHeads}Over{geometry.KvHeads}Of{geometry.HeadDim}")
            + (geometry.LatentCache ? string.Create(CultureInfo.InvariantCulture, $"Latent{geometry.ValueDim}")
                : geometry.ValueDim != geometry.HeadDim ? string.Create(CultureInfo.InvariantCulture, $"To{geometry.ValueDim}") : "")
            + (geometry.Rope == RopeStyle.None ? "" : $"{geometry.Rope}")
            + (HasOwnScale(geometry) ? "Scaled" : "")
            + (geometry.WindowLeft >= 0 ? string.Create(CultureInfo.InvariantCulture, $"Window{geometry.WindowLeft + 1}") : "")
            + (geometry.Softcap > 0 ? "Capped" : "")
            + (geometry.Alibi ? "Alibi" : "")
            + (geometry.Sinks ? "Sinks" : "");
        string paged = cache == CacheKind.Paged ? "Paged" : "";

        // Known models in float16 and small ones in float32 have no type in their names.
        return type == ElementType.Float16 && ShapeOf(name + paged) is null ? name + paged : $"{name}{type}{paged}";
    }

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

        public bool Matches(AttentionGeometry geometry, CacheKind cache, ElementType type) =>
            Shape.Storage == type
            && (Shape.QueryHeads, Shape.KvHeads, Shape.HeadDim, Shape.ValueDim) == (geometry.QueryHeads, geometry.KvHeads, geometry.HeadDim, geometry.ValueDim)
            && (Shape.LatentCache, Shape.Rope, Shape.RotaryDim) == (geometry.LatentCache, geometry.Rope, geometry.RotaryDim)
            && (Shape.WindowLeft ?? -1, Shape.Alibi, Shape.Sinks) == (geometry.WindowLeft, geometry.Alibi, geometry.Sinks)
            && IsSame(Shape.Scale, geometry.Scale)
            && IsSame(Shape.Softcap ?? 0, geometry.Softcap)
            && (Shape.PageSize > 0) == (cache == CacheKind.Paged);

        private static int Pages(CacheRequest request, int pageSize) =>
            checked(request.Sequences * (int)(((long)request.Capacity + pageSize - 1) / pageSize));
    }
}
