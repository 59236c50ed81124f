namespace Kernels.Costs;

/// <summary>
/// How much memory the KV cache of a model takes, without taking any: layers of one shape have caches of their own, as large as the
/// shape says. Counts are of 64 bits and checked.
/// </summary>
/// <param name="groups">The layers by shape.</param>
public sealed class KvCachePlan(IReadOnlyList<CachedLayers> groups)
{
    /// <summary>The layers by shape.</summary>
    public IReadOnlyList<CachedLayers> Groups { get; } = groups.Count > 0
        ? groups
        : throw new ArgumentException("A model has at least one layer.", nameof(groups));

    /// <summary>Bytes that a token takes over all layers, where pages are full.</summary>
    public long BytesPerToken => Sum(static group => group.Shape.CacheBytesPerToken * group.Layers);

    /// <summary>Bytes of the caches.</summary>
    /// <param name="sequences">Sequences.</param>
    /// <param name="capacity">Tokens of each.</param>
    /// <exception cref="OverflowException">The bytes exceed 64 bits.</exception>
    public long GetBytes(long sequences, long capacity) =>
        Sum(group => checked(sequences * Slots(group.Shape, capacity) * group.Shape.CacheBytesPerToken * group.Layers));

    /// <summary>Pages that the sequences take in the paged caches, added up over shapes; a page serves all layers of its shape.</summary>
    /// <inheritdoc cref="GetBytes"/>
    public long GetPages(long sequences, long capacity) =>
        Sum(group => group.Shape.PageSize == 0 ? 0 : checked(sequences * (Slots(group.Shape, capacity) / group.Shape.PageSize)));

    /// <summary>Bytes of the largest single buffer: the keys, or the values, of one layer.</summary>
    /// <inheritdoc cref="GetBytes"/>
    public long GetLargestBuffer(long sequences, long capacity) => Groups.Max(group => checked(
        sequences * Slots(group.Shape, capacity) * group.Shape.KvHeads
        * Math.Max(group.Shape.KeyBytes, group.Shape.ValueBytes)));

    /// <summary>The most sequences of a length whose caches fit.</summary>
    /// <param name="bytes">Bytes that there are for them; a negative number is none.</param>
    /// <param name="capacity">Tokens of each, at least 1.</param>
    public long GetLargestBatch(long bytes, long capacity)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(capacity);
        return Math.Max(0, bytes) / GetBytes(1, capacity);
    }

    /// <summary>The longest length at which the caches of a number of sequences fit.</summary>
    /// <param name="bytes">Bytes that there are for them; a negative number is none.</param>
    /// <param name="sequences">Sequences, at least 1.</param>
    public long GetLargestContext(long bytes, long sequences)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(sequences);
        long each = Math.Max(0, bytes) / sequences;
        long step = Groups.Select(group => Math.Max(1L, group.Shape.PageSize)).Aggregate(LeastCommonMultiple);

        // Within a step pages may be begun; past it they are full again.
        long steps = each / (step * BytesPerToken);
        long rest = each - (steps * step * BytesPerToken);
        long more = 0;
        while (more + 1 < step && GetBytes(1, more + 1) <= rest)
        {
            more++;
        }

        return (steps * step) + more;
    }

    /// <summary>Tokens of a sequence, up to the end of its last page.</summary>
    private static long Slots(AttentionShape shape, long capacity) =>
        shape.PageSize == 0 ? capacity : checked((capacity + shape.PageSize - 1) / shape.PageSize * shape.PageSize);

    private static long LeastCommonMultiple(long a, long b)
    {
        (long x, long y) = (a, b);
        while (y != 0)
        {
            (x, y) = (y, x % y);
        }

        return a / x * b;
    }

    private long Sum(Func<CachedLayers, long> bytes)
    {
        long sum = 0;
        foreach (CachedLayers group in Groups)
        {
            sum = checked(sum + bytes(group));
        }

        return sum;
    }
}
