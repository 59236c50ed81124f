namespace Kernels.Costs;

/// <summary>
/// What the attention of one layer costs, counted from its shape: the operations of q·k and p·v for each (query, key) pair that the mask
/// and the windows leave, and each byte of queries, cached keys and values, and outputs once. Softmax, rope and mods are not counted.
/// </summary>
/// <remarks>
/// What is known at launch only counts as the shape alone says: documents and key padding hide nothing, a prefix has no tokens, and a
/// mask mod sees all.
/// </remarks>
/// <param name="Shape">What is computed.</param>
public sealed record AttentionCost(AttentionShape Shape)
{
    /// <summary>The cost of a generated type's attention.</summary>
    /// <typeparam name="TSpec">The type that carries the spec.</typeparam>
    public static AttentionCost Of<TSpec>() where TSpec : IAttentionSpec<TSpec> => new(TSpec.Descriptor.Shape);

    /// <summary>One query token for each of a number of requests: the step of decoding.</summary>
    /// <param name="requests">Requests.</param>
    /// <param name="context">Keys of each, the query's own included.</param>
    /// <inheritdoc cref="Attend"/>
    public WorkCost Decode(long requests, long context) => Attend(requests, 1, context);

    /// <summary>All tokens of a prompt, for each of a number of requests.</summary>
    /// <param name="requests">Requests.</param>
    /// <param name="tokens">Tokens of each prompt.</param>
    /// <inheritdoc cref="Attend"/>
    public WorkCost Prefill(long requests, long tokens) => Attend(requests, tokens, tokens);

    /// <summary>
    /// The last tokens of a number of requests against their whole context:
    /// requests × <see cref="CountVisiblePairs"/> × <see cref="AttentionShape.FlopsPerQueryAndKey"/> operations, and
    /// requests × (<see cref="CountKeysRead"/> × <see cref="AttentionShape.CacheBytesPerToken"/> + queries ×
    /// <see cref="AttentionShape.QueryBytesPerToken"/>) bytes.
    /// </summary>
    /// <param name="requests">Requests.</param>
    /// <param name="queries">Query tokens of each.</param>
    /// <param name="keys">Keys of each; the last of them are the queries' own.</param>
    /// <exception cref="ArgumentOutOfRangeException">A number is negative.</exception>
    /// <exception cref="OverflowException">A count exceeds 64 bits.</exception>
    public WorkCost Attend(long requests, long queries, long keys)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(requests);
        return new(
            (double)CountVisiblePairs(queries, keys) * Shape.FlopsPerQueryAndKey * requests,
            checked(requests * ((CountKeysRead(queries, keys) * Shape.CacheBytesPerToken) + (queries * Shape.QueryBytesPerToken))));
    }

    /// <summary>New keys and values on their way into the cache: read as they arrive, written as the cache keeps them.</summary>
    /// <param name="tokens">New tokens, over all requests.</param>
    /// <exception cref="OverflowException">The bytes exceed 64 bits.</exception>
    public WorkCost Append(long tokens)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(tokens);
        long arriving = Shape.KvHeads * (long)Shape.Storage.RowBytes(Shape.HeadDim + (Shape.LatentCache ? 0 : Shape.ValueDim));
        return new(0, checked(tokens * (arriving + Shape.CacheBytesPerToken)));
    }

    /// <summary>The (query, key) pairs of one request that have a score.</summary>
    /// <param name="queries">Query tokens; query i is at position keys − queries + i.</param>
    /// <param name="keys">Keys.</param>
    /// <exception cref="ArgumentOutOfRangeException">A number is negative.</exception>
    /// <exception cref="OverflowException">The count exceeds 64 bits.</exception>
    public long CountVisiblePairs(long queries, long keys)
    {
        (long left, long right) = Reach(queries, keys);
        long first = keys - queries, last = keys - 1;

        // Of a query at p the keys before p + right + 1, but no more than there are, less those before p − left.
        return checked(
            SumOfPositives(first + right + 1, last + right + 1)
            - SumOfPositives(first + right + 1 - keys, last + right + 1 - keys)
            - SumOfPositives(first - left, last - left));
    }

    /// <summary>The keys of one request that at least one query sees: those that are read.</summary>
    /// <inheritdoc cref="CountVisiblePairs"/>
    public long CountKeysRead(long queries, long keys)
    {
        (long left, _) = Reach(queries, keys);
        return queries == 0 ? 0 : keys - Math.Clamp(keys - queries - left, 0, keys);
    }

    /// <summary>How far a query sees to each side of its own position; as far as there are keys where nothing limits it.</summary>
    private (long Left, long Right) Reach(long queries, long keys)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(queries);
        ArgumentOutOfRangeException.ThrowIfNegative(keys);
        long all = Math.Max(queries, keys);
        long left = Math.Min(all, Shape.WindowLeft ?? all);
        long right = Shape.Mask != AttentionMask.None ? 0 : Math.Min(all, Shape.WindowRight ?? all);
        return (left, right);
    }

    /// <summary>Σ max(0, t) over t from <paramref name="first"/> to <paramref name="last"/>.</summary>
    private static long SumOfPositives(long first, long last)
    {
        return checked(UpTo(last) - UpTo(first - 1));

        // One of the factors is even: halved first, so that only the result has to fit.
        static long UpTo(long t) => t <= 0 ? 0 : checked(t % 2 == 0 ? t / 2 * (t + 1) : (t + 1) / 2 * t);
    }
}
