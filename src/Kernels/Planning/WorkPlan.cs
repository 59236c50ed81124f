using System.Runtime.InteropServices;

namespace Kernels.Planning;

/// <summary>
/// Shares out the requests of one step over the device: which tiles of rows run against which keys, where keys are split,
/// and what is merged afterwards. Planned once, it serves every layer of the step. An instance can be built again and
/// again; its memory grows to the largest step and stays.
/// </summary>
public sealed partial class WorkPlan
{
    /// <summary>The most pieces that an item's keys are split into; the combine kernel has room for as many.</summary>
    public const int MaxSplits = KernelContract.MaxSplits;

    /// <summary>
    /// The most keys of a request, and the most query rows (tokens × query heads) of a step: 2^30, so that kernels can add tiles and
    /// windows to positions and rows in 32 bits.
    /// </summary>
    public const int MaxLength = 1 << 30;

    private const int IntsPerTile = KernelContract.WorkTileInts;
    private const int IntsPerMerge = 4;

    private readonly List<WorkTile> prefill = [];
    private readonly List<WorkTile> decode = [];
    private readonly List<MergeRow> merges = [];
    private int[] data = [];

    /// <summary>The plan as the kernels read it: slots, prefill items, decode items, rows to merge, pages, positions.</summary>
    public ReadOnlySpan<int> Data => data.AsSpan(0, Length);

    /// <summary>Ints of <see cref="Data"/>.</summary>
    public int Length { get; private set; }

    /// <summary>Packed query tokens of the step.</summary>
    public int Tokens { get; private set; }

    /// <summary>Requests of the step.</summary>
    public int Requests { get; private set; }

    /// <summary>Keys of all requests of the step, s_k added up.</summary>
    public long Keys { get; private set; }

    /// <summary>Query tokens of the request that has most of them.</summary>
    public int LongestQueries { get; private set; }

    /// <summary>Keys of the request that has most of them.</summary>
    public int LongestKeys { get; private set; }

    /// <summary>Rows of the partial states that the step's splits write.</summary>
    public int PartialRows { get; private set; }

    /// <summary>The items that the prefill kernel works on, those with most keys first.</summary>
    public IReadOnlyList<WorkTile> PrefillTiles => prefill;

    /// <summary>The items that the decode kernel works on, those with most keys first.</summary>
    public IReadOnlyList<WorkTile> DecodeTiles => decode;

    /// <summary>The rows that the combine kernel merges.</summary>
    public IReadOnlyList<MergeRow> Merges => merges;

    /// <summary>Where the tokens' slots begin in <see cref="Data"/>: one int a token, −1 for a token that is not in the cache.</summary>
    public int SlotsAt => 0;

    /// <summary>Where <see cref="PrefillTiles"/> begin in <see cref="Data"/>.</summary>
    public int PrefillAt => Tokens;

    /// <summary>Where <see cref="DecodeTiles"/> begin in <see cref="Data"/>.</summary>
    public int DecodeAt => PrefillAt + (IntsPerTile * prefill.Count);

    /// <summary>Where <see cref="Merges"/> begin in <see cref="Data"/>.</summary>
    public int MergesAt => DecodeAt + (IntsPerTile * decode.Count);

    /// <summary>Where the pages of a paged cache's sequences begin in <see cref="Data"/>, request after request.</summary>
    public int PagesAt => MergesAt + (IntsPerMerge * merges.Count);

    /// <summary>Where the tokens' positions begin in <see cref="Data"/>, one int a token, where kernels need them: i + s_k − s_q.</summary>
    public int PositionsAt { get; private set; }

    /// <summary>Plans a step.</summary>
    /// <param name="shape">What is computed.</param>
    /// <param name="geometry">The tiles of the kernels that will run.</param>
    /// <param name="computeUnits">Compute units of the device that will run the kernels.</param>
    /// <param name="slots">Where tokens lie in the cache.</param>
    /// <param name="requests">The step's sequences, in the order in which their queries are packed.</param>
    /// <exception cref="ArgumentException">
    /// A request has no key length, a negative length, or more than <see cref="MaxLength"/> keys; the step has more than
    /// <see cref="MaxLength"/> query rows, where kernels number the keys of all more than 2^31 − 1 of them, or takes a plan or partial
    /// states with more than 2^31 ints or rows.
    /// </exception>
    public void Build<TSlots>(
        AttentionShape shape, KernelGeometry geometry, int computeUnits, TSlots slots, ReadOnlySpan<AttentionRequest> requests)
        where TSlots : ISlotMap
    {
        Check(shape, geometry, requests);
        prefill.Clear();
        decode.Clear();
        merges.Clear();
        Tokens = 0;
        Keys = 0;
        LongestQueries = 0;
        LongestKeys = 0;
        PartialRows = 0;
        Requests = requests.Length;
        SharedKeys = 0;
        bool shares = SharesPrefixes && SharedPrefix.IsPossible(shape);
        int batch = 0, pages = 0, shared = 0;
        foreach (AttentionRequest request in requests)
        {
            if (shares && batch >= shared)
            {
                SharedPrefix prefix = SharedPrefix.Find(shape, geometry.Decode.Rows, slots, requests, batch);
                if (prefix.Requests > 1)
                {
                    AddGroup(shape, geometry, computeUnits, requests.Slice(batch, prefix.Requests), batch, prefix.Keys);
                    shared = batch + prefix.Requests;
                }
            }

            if (batch >= shared)
            {
                AddTiles(shape, geometry, request, batch);
            }

            batch++;
            Tokens += request.QueryLength;
            Keys += request.Keys;
            LongestQueries = Math.Max(LongestQueries, request.QueryLength);
            LongestKeys = Math.Max(LongestKeys, request.Keys);
            pages += PagesNeeded(shape, request);
        }

        var profile = SchedulingProfile.Of(geometry.Target);
        Split(shape, prefill, profile, geometry.Prefill, computeUnits, prompts: true);
        Split(shape, decode, profile, geometry.Decode, computeUnits, prompts: false);
        int positions = NeedsPositions(shape) ? Tokens : 0;
        CheckLength(
            Tokens + (IntsPerTile * ((long)prefill.Count + decode.Count)) + ((long)IntsPerMerge * merges.Count) + pages + positions);
        PositionsAt = PagesAt + pages;
        Length = PositionsAt + positions;
        if (data.Length < Length)
        {
            data = new int[Math.Max(Length, (int)Math.Min(Array.MaxLength, 2L * data.Length))];
        }

        WriteSlots(slots, requests);
        if (shape.PageSize > 0)
        {
            WritePages(shape, slots, requests);
        }

        if (positions > 0)
        {
            WritePositions(requests);
        }

        CollectionsMarshal.AsSpan(prefill).CopyTo(MemoryMarshal.Cast<int, WorkTile>(data.AsSpan(PrefillAt)));
        CollectionsMarshal.AsSpan(decode).CopyTo(MemoryMarshal.Cast<int, WorkTile>(data.AsSpan(DecodeAt)));
        CollectionsMarshal.AsSpan(merges).CopyTo(MemoryMarshal.Cast<int, MergeRow>(data.AsSpan(MergesAt)));
    }

    /// <summary>Whether kernels and host can count all that the step has; before anything is changed.</summary>
    private static void Check(AttentionShape shape, KernelGeometry geometry, ReadOnlySpan<AttentionRequest> requests)
    {
        long tokens = 0, keys = 0, ints = 0;
        foreach (AttentionRequest request in requests)
        {
            if (request.KeyLength is null)
            {
                throw new ArgumentException(
                    $"Expected a key length, which only a cache knows without it, got {request}.", nameof(requests));
            }

            if (request.QueryLength < 0 || request.Keys < 0)
            {
                throw new ArgumentException($"Expected lengths of 0 or more, got {request}.", nameof(requests));
            }

            if (request.Keys > MaxLength)
            {
                throw new ArgumentException($"{request}: a request can have {MaxLength} keys.", nameof(requests));
            }

            tokens += request.QueryLength;
            keys += request.Keys;
            long rows = (long)request.QueryLength * shape.GroupSize;
            int tile = Tile(geometry, rows).Rows;
            ints += (IntsPerTile * ((rows + tile - 1) / tile)) + PagesNeeded(shape, request);
        }

        if (tokens * shape.QueryHeads > MaxLength)
        {
            throw new ArgumentException(
                $"The step has {tokens} tokens of {shape.QueryHeads} query heads, {tokens * shape.QueryHeads} rows; "
                + $"it can have {MaxLength}.",
                nameof(requests));
        }

        if (keys > int.MaxValue && NumbersKeys(shape))
        {
            throw new ArgumentException(
                $"The requests have {keys} keys together; a spec whose kernels number them all can have {int.MaxValue}.", nameof(requests));
        }

        CheckLength(ints + (NeedsPositions(shape) ? 2 * tokens : tokens));
    }

    private static void CheckLength(long ints)
    {
        if (ints > Array.MaxLength)
        {
            throw new ArgumentException(
                $"The step takes a plan of {ints} ints (slots, work tiles, rows to merge, pages, positions); "
                + $"it can have {Array.MaxLength}.",
                "requests");
        }
    }

    private static int CheckedPartialRows(long rows) => rows <= int.MaxValue ? (int)rows
        : throw new ArgumentException($"The step's splits take {rows} rows of partial states; it can have {int.MaxValue}.", "requests");

    /// <summary>The tile of a request with so many rows.</summary>
    private static TileGeometry Tile(KernelGeometry geometry, long rows) =>
        rows <= geometry.Decode.Rows ? geometry.Decode : geometry.Prefill;

    private void AddTiles(AttentionShape shape, KernelGeometry geometry, AttentionRequest request, int batch)
    {
        int rows = request.QueryLength * shape.GroupSize, tile = Tile(geometry, rows).Rows;
        List<WorkTile> items = rows <= geometry.Decode.Rows ? decode : prefill;
        int position = request.Keys - request.QueryLength, keyBegin = NumbersKeys(shape) ? (int)Keys : 0;
        for (int row = 0; row < rows; row += tile)
        {
            int count = Math.Min(tile, rows - row);
            int first = position + (row / shape.GroupSize);
            int last = position + ((row + count - 1) / shape.GroupSize);
            (int begin, int end) = MaskReach.Of(shape, request, first, last);
            items.Add(new WorkTile(
                Tokens, row, count, position, begin, end, request.Sequence.Index, -1, batch, request.PrefixLength, keyBegin));
        }
    }

    private static bool NumbersKeys(AttentionShape shape) => AttentionOption.Any(shape, static option => option.NumbersKeys);

    private static bool NeedsPositions(AttentionShape shape) => AttentionOption.Any(shape, static option => option.NeedsPositions);

    /// <summary>Splits long items so that all work-groups end at about the same time, and puts the longest first.</summary>
    private void Split(
        AttentionShape shape, List<WorkTile> items, SchedulingProfile profile, TileGeometry tile, int computeUnits, bool prompts)
    {
        int keys = tile.Keys;
        int chosen = shape.Deterministic ? 0 : KeySplits.ChooseChunk(shape, items, profile, tile, computeUnits);
        int whole = items.Count;
        for (int i = 0; i < whole; i++)
        {
            WorkTile item = items[i];
            int chunk = !shape.Deterministic ? chosen : prompts ? Math.Max(1, item.KeyCount) : KeySplits.FixedChunk(item.KeyCount, keys);
            (int splits, int each) = KeySplits.EqualSplits(item.KeyCount, chunk, keys);
            if (splits <= 1 || item.PartialRow >= 0)
            {
                continue;
            }

            if (tile.MergesSplits)
            {
                item = item with { FirstPartialRow = PartialRows, Splits = splits };
            }
            else
            {
                AddMerges(shape, item, splits);
            }

            for (int split = 0; split < splits; split++)
            {
                WorkTile part = item with
                {
                    KvBegin = item.KvBegin + (split * each),
                    KvEnd = Math.Min(item.KvEnd, item.KvBegin + ((split + 1) * each)),
                    PartialRow = PartialRows,
                };
                PartialRows = CheckedPartialRows((long)PartialRows + item.RowCount);
                if (split == 0)
                {
                    items[i] = part;
                }
                else
                {
                    items.Add(part);
                }
            }
        }

        // Work-groups start in this order: the longest first, so that none is left to run alone at the end.
        CollectionsMarshal.AsSpan(items).Sort(static (a, b) =>
            a.KeyCount != b.KeyCount ? b.KeyCount.CompareTo(a.KeyCount)
            : a.QueryBegin != b.QueryBegin ? a.QueryBegin.CompareTo(b.QueryBegin)
            : a.FirstRow != b.FirstRow ? a.FirstRow.CompareTo(b.FirstRow)
            : a.KvBegin.CompareTo(b.KvBegin));
    }

    private void AddMerges(AttentionShape shape, WorkTile item, int splits)
    {
        for (int row = 0; row < item.RowCount; row++)
        {
            int inSequence = item.FirstRow + row;
            int token = item.QueryBegin + (inSequence / shape.GroupSize);
            merges.Add(new MergeRow(
                (token * shape.QueryHeads) + (inSequence % shape.GroupSize), PartialRows + row, splits, item.RowCount));
        }
    }

    private static int PagesNeeded(AttentionShape shape, AttentionRequest request) =>
        shape.PageSize == 0 ? 0 : (request.Keys + shape.PageSize - 1) / shape.PageSize;

    /// <summary>Copies each request's pages into the plan, and tells its items where they are.</summary>
    private void WritePages<TSlots>(AttentionShape shape, TSlots slots, ReadOnlySpan<AttentionRequest> requests) where TSlots : ISlotMap
    {
        Span<int> begins = requests.Length <= 256 ? stackalloc int[requests.Length] : new int[requests.Length];
        int at = PagesAt;
        for (int i = 0; i < requests.Length; i++)
        {
            int needed = PagesNeeded(shape, requests[i]);
            begins[i] = at;
            slots.GetPages(requests[i].Sequence)[..needed].CopyTo(data.AsSpan(at));
            at += needed;
        }

        Locate(prefill, begins);
        Locate(decode, begins);

        static void Locate(List<WorkTile> items, ReadOnlySpan<int> begins)
        {
            foreach (ref WorkTile item in CollectionsMarshal.AsSpan(items))
            {
                item = item with { Sequence = begins[item.Batch] };
            }
        }
    }

    private void WriteSlots<TSlots>(TSlots slots, ReadOnlySpan<AttentionRequest> requests) where TSlots : ISlotMap
    {
        int token = SlotsAt;
        foreach (AttentionRequest request in requests)
        {
            for (int i = 0; i < request.QueryLength; i++)
            {
                int position = request.Keys - request.QueryLength + i;
                data[token++] = position < 0 ? -1 : slots.GetSlot(request.Sequence, position);
            }
        }
    }

    private void WritePositions(ReadOnlySpan<AttentionRequest> requests)
    {
        int token = PositionsAt;
        foreach (AttentionRequest request in requests)
        {
            for (int i = 0; i < request.QueryLength; i++)
            {
                data[token++] = request.Keys - request.QueryLength + i;
            }
        }
    }
}
