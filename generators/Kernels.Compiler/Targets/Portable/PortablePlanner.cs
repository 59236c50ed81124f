using Kernels.Compiler.Specs;

namespace Kernels.Compiler.Targets.Portable;

/// <summary>
/// Tiles for the portable target, within the local memory that OpenCL 1.2 promises of every device: queries, one tile of keys or
/// values (where their rows allow it only a part of one), and the scores, all as float32; or, of few rows, only what work-items exchange.
/// </summary>
internal static class PortablePlanner
{
    private const int FloatBytes = 4;
    private const int Float4Bytes = 4 * FloatBytes;

    private const int MostDecodeRows = 16;

    // Of a tile of pieces: more rows are bound by multiply-adds, and gain nothing from loads that go straight into registers.
    private const int MostPieceRows = 8;

    // Elements of a key for each work-item that shares it, but no fewer work-items than this: more have more parts to add up.
    private const int ElementsEach = 16;
    private const int FewestLanes = 8;

    // Of one work-item: pieces of a key, pieces of keys, and elements of queries, as many as of outputs.
    private const int MostPieces = 4;
    private const int MostKeyPieces = 8;
    private const int RegistersOfRows = 64;

    // Work-items of a group with few rows.
    private const int PieceGroup = 64;

    /// <summary>The most work-items of a group with a tile of pieces: a GPU's compute unit has registers for about as many.</summary>
    public const int MostPieceGroup = 256;

    /// <summary>Work-items of a tile of slices along the keys, and along the rows.</summary>
    public const int SliceThreads = 8;

    /// <summary>Elements of a slice of a key.</summary>
    public const int SliceElements = 16;

    /// <summary>
    /// Tiles of slices, best first: a work-item of the first has 4 rows and 8 keys, as many as leave registers for its outputs.
    /// </summary>
    private static readonly (int Rows, int Keys)[] SliceTiles = [(32, 64), (32, 32), (16, 64)];

    /// <summary>Prefill tiles, best first: more rows reuse a key more often, more keys pay for a barrier more often.</summary>
    private static readonly (int Rows, int Keys)[] PrefillTiles =
    [
        (64, 32), (32, 32), (32, 16), (16, 16), (16, 8), (8, 8), (4, 8),
    ];

    public static KernelPlan Plan(AttentionSpec spec)
    {
        TilePlan prefill = PlanPrefill(spec);
        return new KernelPlan(KernelTarget.Portable, prefill, PlanDecode(spec), AppendWorkGroupSize: 64, CombineWorkGroupSize: 64)
        {
            PrefillVariants = spec.QueryTile > 0 || spec.KeyTile > 0 ? [] : SmallerTile(spec, prefill),
        };
    }

    /// <summary>
    /// The next tile of the same kind and work-items: it takes less local memory and fewer registers, so that more work-groups run side by
    /// side.
    /// </summary>
    private static TilePlan[] SmallerTile(AttentionSpec spec, TilePlan first) => first is PortableSliceTile
        ? [.. new[] { SliceTile(spec, first.Rows, first.Keys / 2) }.OfType<PortableSliceTile>()]
        : [.. PrefillTiles
            .Select(tile => Shape(spec, tile.Rows, tile.Keys, maxThreadsY: 8))
            .Where(tile => tile.Rows < first.Rows && tile.ThreadsX == first.ThreadsX && tile.ThreadsY == first.ThreadsY)
            .Take(1)];

    /// <summary>The prefill tile that the spec asks for, or the best that fits; what does not fit is the validator's to report.</summary>
    public static TilePlan PlanPrefill(AttentionSpec spec)
    {
        PortableSliceTile? slices = SliceTiles
            .Select(tile => SliceTile(spec, Or(spec.QueryTile, tile.Rows), Or(spec.KeyTile, tile.Keys)))
            .FirstOrDefault(tile => tile is not null);
        if (slices is not null)
        {
            return slices;
        }

        var candidates = PrefillTiles
            .Select(tile => (Rows: Or(spec.QueryTile, tile.Rows), Keys: Or(spec.KeyTile, tile.Keys)))
            .Select(tile => Shape(spec, tile.Rows, tile.Keys, maxThreadsY: 8))
            .ToList();
        return candidates.FirstOrDefault(Fits) ?? candidates[candidates.Count - 1];
    }

    /// <summary>The tile of slices, or null where it does not fit or pieces cannot be shared out evenly.</summary>
    private static PortableSliceTile? SliceTile(AttentionSpec spec, int rows, int keys)
    {
        const int group = SliceThreads * SliceThreads;
        int elements = PieceElements(spec);
        if (spec.LatentCache || rows % SliceThreads != 0 || keys * SliceElements / elements % group != 0
            || spec.HeadDim % SliceElements != 0 || spec.ResolvedValueDim % (4 * SliceThreads) != 0)
        {
            return null;
        }

        // As few values at a time as can be shared out evenly.
        int stage = Enumerable.Range(1, keys).FirstOrDefault(
            count => count % 8 == 0 && keys % count == 0 && count * spec.ResolvedValueDim / elements % group == 0);
        int keysOrValues = Math.Max(keys * TileStride(SliceElements), stage * spec.ResolvedValueDim / 4);
        int local = (Float4Bytes * ((rows * TileStride(spec.HeadDim)) + keysOrValues + (rows * ScoreStride(keys)))) + FlagBytes(rows);
        return stage > 0 && local <= SpecLimits.PortableLocalBytes
            ? new PortableSliceTile(rows, keys, stage, local, GroupsPerUnit(local))
            : null;
    }

    /// <summary>
    /// Few rows, one group of query heads if it can be. Where rows of the cache are made of pieces, keys and values go straight
    /// into registers; otherwise a tile is in local memory, with as many keys as fit: what matters is how much is being read.
    /// </summary>
    private static TilePlan PlanDecode(AttentionSpec spec)
    {
        int most = Math.Min(TilePlan.PowerOfTwoAtLeast(spec.GroupSize), MostDecodeRows);
        return (most <= MostPieceRows ? PieceTile(spec, most) : null)
            ?? (from rows in new[] { MostDecodeRows, 8, 4 }
                where rows <= Math.Max(most, 4)
                from keys in new[] { 64, 32, 16, 8 }
                select Shape(spec, rows, keys, maxThreadsY: 4)).First(Fits);
    }

    /// <summary>
    /// The tile whose keys and values are loaded in pieces, or null where rows are not made of whole pieces that some work-items can share
    /// evenly.
    /// </summary>
    private static PortablePieceTile? PieceTile(AttentionSpec spec, int rows)
    {
        int elements = PieceElements(spec);
        if (spec.LatentCache || spec.HeadDim % elements != 0 || spec.ResolvedValueDim % elements != 0)
        {
            return null;
        }

        int keyPieces = spec.HeadDim / elements, valuePieces = spec.ResolvedValueDim / elements;
        int mostLanes = Math.Max(FewestLanes, Math.Max(spec.HeadDim, spec.ResolvedValueDim) / ElementsEach);
        int lanes = Enumerable.Range(1, mostLanes).Last(count => keyPieces % count == 0 && valuePieces % count == 0);
        int pieces = Math.Max(keyPieces, valuePieces) / lanes;
        if (pieces > MostPieces)
        {
            return null;
        }

        // Queries, outputs, keys and values of a work-item are in its registers.
        int rowsEach = rows;
        while (rowsEach > 1 && rowsEach * pieces * elements > RegistersOfRows)
        {
            rowsEach /= 2;
        }

        int keysEach = MostKeyPieces;
        while (keysEach * pieces > MostKeyPieces)
        {
            keysEach /= 2;
        }

        // As many sets of work-items, each with keys of its own, as fit; scores are shared out evenly over the rows.
        int sets = Math.Max(2, TilePlan.PowerOfTwoAtLeast(PieceGroup / lanes));
        while (sets > 1
            && (PieceLocalBytes(spec, rows, lanes, keysEach, sets) > SpecLimits.PortableLocalBytes
                || lanes * sets * rows / rowsEach > MostPieceGroup))
        {
            sets /= 2;
        }

        var tile = new PortablePieceTile(
            rows, rowsEach, keysEach, lanes, sets, keyPieces / lanes, valuePieces / lanes,
            PieceLocalBytes(spec, rows, lanes, keysEach, sets));
        return Fits(tile) && tile.WorkGroupSize % rows == 0 ? tile : null;
    }

    /// <summary>Local memory of a tile of pieces: what the work-items exchange, and the scores.</summary>
    private static int PieceLocalBytes(AttentionSpec spec, int rows, int lanes, int keysEach, int sets) =>
        (FloatBytes * (ExchangeFloats(spec, rows, lanes, keysEach * sets, sets) + (keysEach * sets * rows))) + FlagBytes(rows);

    /// <summary>
    /// Floats that the work-items of a tile of pieces exchange: queries, then parts of scores, at the end the states of the sets.
    /// </summary>
    private static int ExchangeFloats(AttentionSpec spec, int rows, int lanes, int keys, int sets) =>
        ((rows * Math.Max(spec.HeadDim, Math.Max(keys * PartStride(lanes), sets * (spec.ResolvedValueDim + 4)))) + 3) / 4 * 4;

    /// <summary>Elements of a piece: see <see cref="Emit.Codecs.Piece"/>.</summary>
    public static int PieceElements(AttentionSpec spec) => spec.ResolvedCacheStorage == ElementType.Float32 ? 4 : 8;

    /// <summary>floats between the parts of one score and of the next: odd, so that they begin in different banks.</summary>
    public static int PartStride(int lanes) => lanes | 1;

    /// <summary>Floats that the work-items of a tile exchange.</summary>
    public static int ExchangeFloats(AttentionSpec spec, PortablePieceTile tile) =>
        ExchangeFloats(spec, tile.Rows, tile.Lanes, tile.Keys, tile.Sets);

    /// <summary>Local memory in which rows are marked that must be calculated again.</summary>
    private static int FlagBytes(int rows) => sizeof(int) * rows;

    private static TilePlan Shape(AttentionSpec spec, int rows, int keys, int maxThreadsY)
    {
        int widest = Math.Max(spec.HeadDim, spec.ResolvedValueDim);
        int threadsX = Math.Min(Math.Min(keys, 16), Math.Max(8, TilePlan.PowerOfTwoAtLeast(widest / 4)));
        int threadsY = Math.Min(rows, maxThreadsY);

        // No more work-items than a tile of keys or values has float4s, so that each loads one at least: PoCL 3.1 goes wrong
        // in loops that only some work-items of a group enter.
        int narrowest = keys * ((Math.Min(spec.HeadDim, spec.ResolvedValueDim) + 3) / 4);
        while (threadsY > 1 && threadsX * threadsY > narrowest)
        {
            threadsY /= 2;
        }

        int local = (Float4Bytes * ((rows * TileStride(spec.HeadDim)) + (keys * KvStride(spec)) + (rows * ScoreStride(keys))))
            + FlagBytes(rows);
        return new TilePlan(rows, keys, threadsX, threadsY, local, GroupsPerUnit(local));
    }

    /// <summary>Local memory of a GPU's compute unit is 64 KiB or more; a few work-groups side by side hide its latencies.</summary>
    private static int GroupsPerUnit(int localBytes) => Math.Min(8, Math.Max(1, 2 * SpecLimits.PortableLocalBytes / localBytes));

    private static bool Fits(TilePlan tile) => tile.LocalBytes <= SpecLimits.PortableLocalBytes;

    /// <summary>float4s between rows of a tile in local memory: odd, so that rows begin in different banks.</summary>
    public static int TileStride(int dim) => ((dim + 3) / 4) | 1;

    /// <summary>float4s between rows of the tile that holds keys first and values later.</summary>
    public static int KvStride(AttentionSpec spec) => TileStride(Math.Max(spec.HeadDim, spec.ResolvedValueDim));

    /// <summary>float4s between rows of the scores.</summary>
    public static int ScoreStride(int keys) => TileStride(keys);

    private static int Or(int asked, int automatic) => asked == 0 ? automatic : asked;

}
