using Kernels.OpenCL;

namespace Decoders;

/// <summary>
/// The attention of layers that differ, such as ones with and without a window: layers of one geometry share a generated type,
/// a plan and a cache.
/// </summary>
internal sealed class LayeredAttention : IDecoderAttention
{
    private readonly List<IDecoderAttention> groups = [];
    private readonly (IDecoderAttention Group, int Layer)[] layers;

    /// <param name="geometries">The geometry of each layer.</param>
    /// <param name="create">Makes the attention of a number of layers of one geometry.</param>
    public LayeredAttention(IReadOnlyList<AttentionGeometry> geometries, Func<AttentionGeometry, int, IDecoderAttention> create)
    {
        layers = new (IDecoderAttention, int)[geometries.Count];
        try
        {
            foreach (IGrouping<AttentionGeometry, int> group in Enumerable.Range(0, layers.Length).GroupBy(layer => geometries[layer]))
            {
                IDecoderAttention attention = create(group.Key, group.Count());
                groups.Add(attention);
                int next = 0;
                foreach (int layer in group)
                {
                    layers[layer] = (attention, next++);
                }
            }
        }
        catch
        {
            Dispose();
            throw;
        }

        IDecoderPages[] paged = [.. groups.Select(group => group.Pages).OfType<IDecoderPages>()];
        Pages = paged.Length < groups.Count ? null : paged.Length == 1 ? paged[0] : new LayeredPages(paged);
    }

    public IDecoderPages? Pages { get; }

    public int Capacity => groups[0].Capacity;

    public long CacheBytes => groups.Sum(group => group.CacheBytes);

    public int Length(int sequence) => groups[0].Length(sequence);

    public void Begin(ReadOnlySpan<(int Sequence, int Tokens)> step)
    {
        foreach (IDecoderAttention group in groups)
        {
            group.Begin(step);
        }
    }

    public void Append(int layer, DeviceBuffer<float> k, DeviceBuffer<float> v, AttentionInputs inputs)
    {
        (IDecoderAttention group, int place) = layers[layer];
        group.Append(place, k, v, inputs);
    }

    public void Attend(int layer, DeviceBuffer<float> q, DeviceBuffer<float> o, AttentionInputs inputs)
    {
        (IDecoderAttention group, int place) = layers[layer];
        group.Attend(place, q, o, inputs);
    }

    public void Reset(int sequence)
    {
        foreach (IDecoderAttention group in groups)
        {
            group.Reset(sequence);
        }
    }

    public void Dispose()
    {
        foreach (IDecoderAttention group in groups)
        {
            group.Dispose();
        }
    }
}
