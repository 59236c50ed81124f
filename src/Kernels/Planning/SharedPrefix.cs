namespace Kernels.Planning;

/// <summary>
/// Requests of a step that have their first keys in the same pages: those keys are read once for all of them, and what each
/// has of its own once for itself (cascade attention). Found by the pages, so that forks and reused prefixes need not be named.
/// </summary>
/// <param name="Requests">How many requests, one after the other in the step; 1: it shares with none.</param>
/// <param name="Keys">Keys that they share.</param>
internal readonly record struct SharedPrefix(int Requests, int Keys)
{
    // Below this the states that are merged cost more than the keys that are not read again.
    private const int FewestKeys = 256;

    // Rows of a vector on a CPU, and of a tensor core's block: with fewer, part of a tile that reads shared keys would be idle.
    private const int FewestRows = 16;

    /// <summary>
    /// Whether a query's part over the first keys depends on nothing but the query and the keys: not on its position, its request or the
    /// batch.
    /// </summary>
    public static bool IsPossible(AttentionShape shape)
    {
        if (shape is not { PageSize: > 0, HasMods: false, Deterministic: false })
        {
            return false;
        }

        foreach (AttentionOption option in AttentionShape.Options)
        {
            if (option.IsIn(shape) && !option.SharesPrefixes(shape))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>What the request at <paramref name="first"/> shares with those after it.</summary>
    /// <param name="shape">What is computed.</param>
    /// <param name="rows">The most rows of a request that can share.</param>
    /// <param name="slots">Tells the pages.</param>
    /// <param name="requests">The step.</param>
    /// <param name="first">Index of the request.</param>
    public static SharedPrefix Find<TSlots>(
        AttentionShape shape, int rows, TSlots slots, ReadOnlySpan<AttentionRequest> requests, int first)
        where TSlots : ISlotMap
    {
        int keys = Own(requests[first]), count = 1, allRows = requests[first].QueryLength * shape.GroupSize;
        if (keys < FewestKeys)
        {
            return new SharedPrefix(1, 0);
        }

        ReadOnlySpan<int> pages = slots.GetPages(requests[first].Sequence);
        for (; first + count < requests.Length; count++)
        {
            AttentionRequest next = requests[first + count];
            int common = Math.Min(keys, pages.CommonPrefixLength(slots.GetPages(next.Sequence)) * shape.PageSize);
            common = Math.Min(common, Own(next));

            // A request with much less in common begins a group of its own.
            if (common < FewestKeys || common < keys / 2 && count > 1)
            {
                break;
            }

            keys = common;
            allRows += next.QueryLength * shape.GroupSize;
        }

        return count > 1 && allRows >= FewestRows ? new SharedPrefix(count, keys) : new SharedPrefix(1, 0);

        // Keys before a request's queries, which all of them see; none where it has many queries: those read a key once anyway.
        int Own(AttentionRequest request) => request.QueryLength > 0 && request.QueryLength * shape.GroupSize <= rows
            ? request.Keys - request.QueryLength
            : 0;
    }
}
