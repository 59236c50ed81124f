using Kernels.OpenCL;

namespace Kernels.Decoding;

/// <summary>
/// The attention of layers that differ, such as ones with and without a window: layers of one geometry share a generated type,
/// a plan and a cache.
/// </summary>
internal sealed class LayeredAttention : IDivisibleAttention
{
    private readonly List<IDivisibleAttention> groups = [];
    private readonly (IDivisibleAttention Group, int Layer)[] layers;
    private readonly string storageReason;

    /// <param name="geometries">The geometry of each layer.</param>
    /// <param name="create">Makes the attention of a number of layers of one geometry.</param>
    /// <param name="storageReason">Why its type is what it is, for people.</param>
    public LayeredAttention(
        IReadOnlyList<AttentionGeometry> geometries, Func<AttentionGeometry, int, IDivisibleAttention> create, string storageReason)
    {
        this.storageReason = storageReason;
        layers = new (IDivisibleAttention, int)[geometries.Count];
        try
        {
            foreach (IGrouping<AttentionGeometry, int> group in Enumerable.Range(0, layers.Length).GroupBy(layer => geometries[layer]))
            {
                IDivisibleAttention attention = create(group.Key, group.Count());
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

    public ElementType Storage => groups[0].Storage;

    public ElementType RowType => groups[0].RowType;

    public int Capacity => groups[0].Capacity;

    public long CacheBytes => groups.Sum(group => group.CacheBytes);

    public int Length(int sequence) => groups[0].Length(sequence);

    public void Begin(ReadOnlySpan<(int Sequence, int Tokens)> step)
    {
        foreach (IDivisibleAttention group in groups)
        {
            group.Begin(step);
        }
    }

    public void Attending(ReadOnlySpan<(int Sequence, int Tokens)> queries)
    {
        foreach (IDivisibleAttention group in groups)
        {
            group.Attending(queries);
        }
    }

    public DeviceBuffer<byte> Rows(int layer) => layers[layer].Group.Rows(layers[layer].Layer);

    public void Slots(int sequence, Span<int> slots) => groups[0].Slots(sequence, slots);

    public void Append(int layer, DeviceBuffer k, DeviceBuffer v, AttentionInputs inputs)
    {
        (IDivisibleAttention group, int place) = layers[layer];
        group.Append(place, k, v, inputs);
    }

    public void Attend(int layer, DeviceBuffer q, DeviceBuffer o, AttentionInputs inputs)
    {
        (IDivisibleAttention group, int place) = layers[layer];
        group.Attend(place, q, o, inputs);
    }

    public void Reset(int sequence)
    {
        foreach (IDivisibleAttention group in groups)
        {
            group.Reset(sequence);
        }
    }

    public IEnumerable<string> Describe() => [$"attention in {Storage}, {storageReason}", .. groups.SelectMany(group => group.Describe())];

    public void Dispose()
    {
        foreach (IDivisibleAttention group in groups)
        {
            group.Dispose();
        }
    }
}
