namespace Kernels.Planning;

public sealed partial class WorkPlan
{
    // Pieces of the shared keys, and of what a request has of its own: together no more than can be merged.
    private const int MaxSplitsOfPart = MaxSplits / 2;

    private readonly List<WorkTile> prefixItems = [];
    private readonly List<WorkTile> ownItems = [];

    /// <summary>
    /// Whether requests that follow one another and have their first keys in the same pages of a paged cache read them together.
    /// The results are the same up to rounding. Default: true. <see cref="SharedKeys"/> tells whether a step has some.
    /// </summary>
    /// <remarks>
    /// It makes no difference where what a query makes of a key depends on more than the two: with rope in the kernels, a window,
    /// <see cref="AttentionMask.PrefixCausal"/>, ALiBi, documents, padding, bias or mods, and with
    /// <see cref="AttentionKernelAttribute.Deterministic"/>. Nor for fewer than 256 shared keys, for requests with more rows (query
    /// tokens × <see cref="AttentionShape.GroupSize"/>) than the decode kernel's tile, or for fewer than 16 rows together.
    /// </remarks>
    public bool SharesPrefixes { get; set; } = true;

    /// <summary>Keys of the step that are read once for several requests, each counted once.</summary>
    public long SharedKeys { get; private set; }

    /// <summary>
    /// Requests with few queries that share their first keys. The rows of all of them are the rows of tiles over the shared
    /// keys; over the others each has its own. All states of a row are merged: those of the shared keys come first.
    /// </summary>
    private void AddGroup(
        AttentionShape shape, KernelGeometry geometry, int computeUnits, ReadOnlySpan<AttentionRequest> requests, int batch, int prefix)
    {
        prefixItems.Clear();
        ownItems.Clear();
        int rows = 0;
        foreach (AttentionRequest request in requests)
        {
            int position = request.Keys - request.QueryLength;
            (_, int end) = MaskReach.Of(shape, request, position, position + request.QueryLength - 1);
            int count = request.QueryLength * shape.GroupSize;
            ownItems.Add(new WorkTile(
                Tokens + (rows / shape.GroupSize), 0, count, position, prefix, end, request.Sequence.Index,
                -1, batch + ownItems.Count, 0, KeyBegin: 0));
            rows += count;
        }

        // The queries stand behind the shared keys, wherever each of them does, so that they see all.
        for (int row = 0; row < rows; row += geometry.Prefill.Rows)
        {
            int count = Math.Min(geometry.Prefill.Rows, rows - row);
            prefixItems.Add(new WorkTile(Tokens, row, count, prefix, 0, prefix, requests[0].Sequence.Index, -1, batch, 0, KeyBegin: 0));
        }

        int Chunk(List<WorkTile> items, TileGeometry tile, int longest) =>
            Math.Max(
                KeySplits.ChooseChunk(shape, items, SchedulingProfile.Of(geometry.Target), tile, computeUnits),
                (longest + MaxSplitsOfPart - 1) / MaxSplitsOfPart);

        int longestOwn = ownItems.Max(static item => item.KeyCount), firstPartial = PartialRows, ownRow = 0, mostSplits = 0;
        int ownChunk = Chunk(ownItems, geometry.Decode, longestOwn);
        (int prefixSplits, int prefixEach) = KeySplits.EqualSplits(
            prefix, Chunk(prefixItems, geometry.Prefill, prefix), geometry.Prefill.Keys);
        foreach (WorkTile item in prefixItems)
        {
            AddParts(prefill, item, prefixSplits, prefixEach, firstPartial + item.FirstRow, rows);
        }

        foreach (WorkTile item in ownItems)
        {
            (int splits, int each) = KeySplits.EqualSplits(item.KeyCount, ownChunk, geometry.Decode.Keys);
            AddParts(decode, item, splits, each, firstPartial + (prefixSplits * rows) + ownRow, rows);
            for (int row = 0; row < item.RowCount; row++)
            {
                int token = item.QueryBegin + (row / shape.GroupSize);
                merges.Add(new MergeRow(
                    (token * shape.QueryHeads) + (row % shape.GroupSize), firstPartial + ownRow + row, prefixSplits + splits, rows));
            }

            ownRow += item.RowCount;
            mostSplits = Math.Max(mostSplits, splits);
        }

        PartialRows = CheckedPartialRows(PartialRows + ((long)(prefixSplits + mostSplits) * rows));
        SharedKeys += prefix;
    }

    private static void AddParts(List<WorkTile> to, WorkTile item, int splits, int each, int partialRow, int stride)
    {
        for (int split = 0; split < splits; split++)
        {
            to.Add(item with
            {
                KvBegin = item.KvBegin + (split * each),
                KvEnd = Math.Min(item.KvEnd, item.KvBegin + ((split + 1) * each)),
                PartialRow = partialRow + (split * stride),
            });
        }
    }
}
