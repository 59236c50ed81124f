using System.Collections.Concurrent;
using Kernels.OpenCL;

namespace Kernels.Decoding;

/// <summary>
/// The kernels of a model's layers: those of types that the program was compiled with, where they were registered and fit, else kernels
/// that are emitted when a model is loaded.
/// </summary>
internal static class AttentionCatalog
{
    // Of kernels that are emitted here.
    private const int DefaultPageSize = 16;

    private static readonly ConcurrentQueue<AttentionDescriptor> Compiled = [];
    private static readonly ConcurrentDictionary<AttentionShape, AttentionDescriptor> Emitted = new();

    /// <summary>
    /// Registers the kernels of a generated type, <c>T.Descriptor</c>, once; of two for the same layers the first counts.
    /// </summary>
    /// <param name="descriptor">The spec. Specs with mods are never used.</param>
    public static void Register(AttentionDescriptor descriptor)
    {
        ArgumentNullException.ThrowIfNull(descriptor);
        if (!Compiled.Contains(descriptor))
        {
            Compiled.Enqueue(descriptor);
        }
    }

    /// <summary>The specs that were registered, in that order.</summary>
    public static IReadOnlyCollection<AttentionDescriptor> Registered => Compiled;

    /// <summary>Makes the attention of models with a kind of cache.</summary>
    /// <param name="cache">The kind of cache.</param>
    /// <param name="mla">How latent attention runs; other attention has one form.</param>
    /// <param name="expandFrom">
    /// With <see cref="MlaForm.Auto"/>, new tokens from which on a request attends expanded; by default where it takes less arithmetic.
    /// </param>
    /// <param name="type">The type of queries, keys, values, outputs and the cache; by default that of the checkpoint's weights.</param>
    public static AttentionFactory With(CacheKind cache, MlaForm mla = MlaForm.Auto, int? expandFrom = null, ElementType? type = null) =>
        Create(cache, mla, expandFrom, pages: null, type);

    /// <summary>Makes the attention of models with a paged cache of this many pages, however many sequences share them.</summary>
    /// <param name="pages">Pages; null for as many as all sequences take at full length.</param>
    /// <param name="mla">How latent attention runs; other attention has one form.</param>
    /// <param name="expandFrom">As for the other.</param>
    /// <param name="type">As for the other.</param>
    public static AttentionFactory WithPages(int? pages, MlaForm mla = MlaForm.Auto, int? expandFrom = null, ElementType? type = null) =>
        Create(CacheKind.Paged, mla, expandFrom, pages, type);

    /// <summary>The type that a model's attention has: that of its weights, which is float32 where it is not known.</summary>
    internal static ElementType StorageOf(ModelConfig config) => config.WeightType switch
    {
        ElementType.Float16 => ElementType.Float16,
        ElementType.BFloat16 => ElementType.BFloat16,
        _ => ElementType.Float32,
    };

    /// <summary>The kernels for layers of a geometry.</summary>
    /// <exception cref="CheckpointException">No kernels can be emitted for it; the message says why.</exception>
    internal static AttentionDescriptor Find(AttentionGeometry geometry, CacheKind cache, ElementType type)
    {
        AttentionShape shape = geometry.Shape(type, cache == CacheKind.Paged ? DefaultPageSize : 0);
        return Compiled.FirstOrDefault(descriptor => geometry.IsOf(descriptor.Shape, cache, type)) ?? Emitted.GetOrAdd(shape, Emit);
    }

    /// <summary>Makes the attention of layers of a spec.</summary>
    internal static IDivisibleAttention Create(
        ComputeDevice device, AttentionDescriptor descriptor, int sequences, int capacity, int layers, int? pages = null) =>
        descriptor.Shape.Storage switch
        {
            ElementType.Float16 => new LayerAttention<Half>(device, descriptor, sequences, capacity, layers, pages),
            ElementType.BFloat16 => new LayerAttention<BFloat16>(device, descriptor, sequences, capacity, layers, pages),
            _ => new LayerAttention<float>(device, descriptor, sequences, capacity, layers, pages),
        };

    /// <summary>The kernels of a shape: a registered type's, or emitted ones.</summary>
    /// <exception cref="CheckpointException">No kernels can be emitted for it; the message says why.</exception>
    internal static AttentionDescriptor Find(AttentionShape shape) =>
        Compiled.FirstOrDefault(descriptor => descriptor.Shape == shape) ?? Emitted.GetOrAdd(shape, Emit);

    private static AttentionDescriptor Emit(AttentionShape shape)
    {
        string name = AttentionGeometry.NameOf(shape);
        try
        {
            return SpecCompiler.Describe(shape, name);
        }
        catch (ArgumentException e)
        {
            throw new CheckpointException(ModelConfig.FileName, $"no attention kernels can be made for {name}: {e.Message}", e);
        }
    }

    private static AttentionFactory Create(CacheKind cache, MlaForm mla, int? expandFrom, int? pages, ElementType? asked) =>
        (device, config, sequences, capacity) =>
        {
            ElementType type = asked ?? StorageOf(config);
            AttentionGeometry[] layers =
            [
                .. config.Layers
                    .Select(layer => config.Latent is { } latent && mla == MlaForm.Expanded ? latent.Expanded : layer.Attention)
                    .Select(geometry => geometry.Within(capacity)),
            ];

            // Found at once, so that a step finds what it needs.
            AttentionDescriptor? inPassing =
                config.Latent is { } l && mla == MlaForm.Auto ? Find(l.Expanded, CacheKind.Contiguous, type) : null;
            var descriptors = layers.Distinct().ToDictionary(geometry => geometry, geometry => Find(geometry, cache, type));
            string reason = asked is not null ? "as asked for"
                : config.WeightType is not { } weights ? "as the type of the weights is not known"
                : weights == type ? "as the weights are"
                : $"for weights in {weights}";
            var cached = new LayeredAttention(
                layers, (geometry, count) => Create(device, descriptors[geometry], sequences, capacity, count, pages), reason);
            return config.Latent is null
                ? cached
                : new LatentAttention(
                    device, config.Latent, mla, expandFrom, cached,
                    (count, longest) => Create(device, inPassing!, count, longest, layers: 1));
        };
}
