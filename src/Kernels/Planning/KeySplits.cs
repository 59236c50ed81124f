namespace Kernels.Planning;

/// <summary>
/// How the keys of work tiles are split over work-groups: by estimated time, or by the request alone where nothing may depend on the batch.
/// </summary>
internal static class KeySplits
{
    // Below this many keys a split costs more (its state is written and read again) than it gains.
    private const int SmallestSplit = 256;

    // Rows of an item that is bound by reading its keys rather than by multiplying them.
    private const int FewRows = 16;

    // How much more than its share of the bandwidth a compute unit can take when others take less.
    private const double MostOfShare = 1.25;

    // Keys of a piece where nothing may depend on the batch.
    private const int DeterministicSplit = 512;

    /// <summary>
    /// The piece of keys that one work-group takes where nothing may depend on the batch: it follows from the request alone. Prompts
    /// are not split then: their states would take more memory than their outputs.
    /// </summary>
    public static int FixedChunk(int keyCount, int tileKeys) =>
        (Math.Max(DeterministicSplit, (keyCount + KernelContract.MaxSplits - 1) / KernelContract.MaxSplits) + tileKeys - 1)
            / tileKeys * tileKeys;

    /// <summary>Equal splits, not full ones and a rest: they end together.</summary>
    public static (int Splits, int Each) EqualSplits(int count, int chunk, int tileKeys)
    {
        int splits = Math.Max(1, (count + chunk - 1) / chunk);
        int each = Math.Max(1, ((count + splits - 1) / splits + tileKeys - 1) / tileKeys) * tileKeys;
        return ((count + each - 1) / each, each);
    }

    /// <summary>
    /// The longest piece of keys that one work-group takes: of several, the one whose estimated time, counted in keys, is the least.
    /// </summary>
    public static int ChooseChunk(
        AttentionShape shape, List<WorkTile> items, SchedulingProfile profile, TileGeometry tile, int computeUnits)
    {
        int longest = 0, shortest = int.MaxValue, rows = 0;
        long total = 0;
        foreach (WorkTile item in items)
        {
            if (item.PartialRow >= 0)
            {
                continue;
            }

            longest = Math.Max(longest, item.KeyCount);
            shortest = Math.Min(shortest, item.KeyCount);
            rows = Math.Max(rows, item.RowCount);
            total += item.KeyCount;
        }

        // Of an item, each for some of the KV heads. Time is counted in keys that a work-group reads for all of its heads.
        int groups = shape.KvHeads / tile.KvHeads;
        int startCost = profile.StartCost;
        int splitCost = (tile.MergesSplits ? profile.MergedSplitCost : profile.SplitCost) / tile.KvHeads;

        // Groups of few rows that keep many copies on their way wait for memory: one alone on a compute unit reads faster than several
        // together.
        bool isBandwidthBound = tile.MergesSplits && rows <= FewRows;
        bool isEven = 4 * (long)shortest >= 3 * (long)longest;
        double slots = Math.Max(1, computeUnits * tile.GroupsPerUnit);
        double ideal = total * groups / slots;
        int best = tile.Keys;
        double bestCost = double.PositiveInfinity;
        for (int splits = 1; splits <= KernelContract.MaxSplits; splits += Math.Max(1, splits / (isBandwidthBound ? 16 : 4)))
        {
            int chunk = Math.Max(1, (((longest + splits - 1) / splits) + tile.Keys - 1) / tile.Keys) * tile.Keys;
            if (splits > 1 && chunk < SmallestSplit / tile.KvHeads)
            {
                break;
            }

            long pieces = 0;
            foreach (WorkTile item in items)
            {
                pieces += item.PartialRow >= 0 ? 1 : Math.Max(1, (item.KeyCount + chunk - 1) / chunk);
            }

            if (isBandwidthBound && isEven && splits > 1 && pieces * groups > 4 * slots)
            {
                break; // the device is full many times over
            }

            // Equal pieces run in waves; unequal ones fill the gaps, the longest first.
            int piece = Math.Min(chunk, longest);
            double time = isBandwidthBound
                ? ReadingTime(startCost, pieces * groups, piece, isEven ? null : ideal * tile.GroupsPerUnit, slots, tile.GroupsPerUnit)
                : isEven ? Waves(pieces * groups / slots) * (piece + startCost)
                : Math.Max(piece + startCost, ideal + (chunk / 4.0) + (pieces * groups * startCost / slots));

            // A partial state is written and read again; that takes about as long as reading twice as many keys as it has rows.
            double merging = splits == 1 ? 0 : splitCost + (pieces * groups * 2.0 * rows / slots);
            if (time + merging < bestCost)
            {
                (best, bestCost) = (chunk, time + merging);
            }
        }

        return best;

        // In a last wave that is not full, a GPU's groups of few rows have more bandwidth each.
        double Waves(double share) => profile.SharesBandwidth && rows <= FewRows && share > 1 ? share + 0.125 : Math.Ceiling(share);
    }

    /// <summary>
    /// Estimated time of groups that wait for memory, in keys that a compute unit's share of the bandwidth reads meanwhile: full waves,
    /// and one that is not full, in which each group has more bandwidth, up to what one compute unit can take.
    /// </summary>
    /// <param name="startCost">What a group takes to begin and to end, in keys.</param>
    /// <param name="groups">Work-groups.</param>
    /// <param name="piece">Keys of the longest.</param>
    /// <param name="all">
    /// Keys of all of them on each compute unit where they are unequal and fill one another's gaps; null where they are equal.
    /// </param>
    /// <param name="slots">Work-groups that run at a time.</param>
    /// <param name="perUnit">Of these, on a compute unit.</param>
    private static double ReadingTime(int startCost, double groups, int piece, double? all, double slots, int perUnit)
    {
        if (all is { } keys)
        {
            return Math.Max(piece / MostOfShare, keys + (piece / 4.0)) + startCost;
        }

        double waves = Math.Floor(groups / slots), rest = groups - (waves * slots);
        double last = rest == 0 ? 0 : Math.Max(rest * piece * perUnit / slots, piece / MostOfShare);
        return (waves * piece * perUnit) + last + (Math.Ceiling(groups / slots) * startCost);
    }
}
