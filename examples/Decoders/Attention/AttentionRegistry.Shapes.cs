using Kernels;
using Kernels.OpenCL;

namespace Decoders;

public static partial class AttentionRegistry
{
    /// <summary>The names of the attention types that this program was compiled with, in the order of their registration.</summary>
    internal static IEnumerable<string> Names => Entries.Select(entry => entry.Descriptor.Name);

    /// <summary>The shape of the attention type of a name; null if none was compiled in.</summary>
    internal static AttentionShape? ShapeOf(string name) =>
        Array.Find(Entries, entry => string.Equals(entry.Descriptor.Name, name, StringComparison.OrdinalIgnoreCase))?.Shape;

    /// <summary>The shape of the attention type for a geometry; what it would be where none was compiled in.</summary>
    internal static AttentionShape ShapeOf(AttentionGeometry geometry, CacheKind cache, ElementType type) =>
        Array.Find(Entries, entry => entry.Matches(geometry, cache, type))?.Shape
        ?? new AttentionShape(
            geometry.QueryHeads, geometry.KvHeads, geometry.HeadDim, geometry.ValueDim, geometry.Scale, AttentionMask.Causal, type, type, KvLayout.Hnd)
        {
            WindowLeft = geometry.WindowLeft < 0 ? null : geometry.WindowLeft,
            Softcap = geometry.Softcap > 0 ? geometry.Softcap : null,
            Alibi = geometry.Alibi,
            Sinks = geometry.Sinks,
            Rope = geometry.Rope,
            RotaryDim = geometry.RotaryDim,
            LatentCache = geometry.LatentCache,
            PageSize = cache == CacheKind.Paged ? DefaultPageSize : 0,
        };

    /// <summary>Makes the attention of layers of a shape; null if no type of that shape was compiled in.</summary>
    internal static IDecoderAttention? TryCreate(AttentionShape shape, ComputeDevice device, int sequences, int capacity, int layers) =>
        Array.Find(Entries, entry => entry.Shape == shape)?.Create(new CacheRequest(device, sequences, capacity, layers, Pages: null));
}
