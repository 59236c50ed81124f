namespace Kernels;

/// <summary>Numbers and marks that kernels and host must agree on.</summary>
internal static class KernelContract
{
    /// <summary>The most splits of an item's keys; the combine kernel has room for their states.</summary>
    public const int MaxSplits = 256;

    /// <summary>The most tokens of a page.</summary>
    public const int MaxPageSize = 256;

    /// <summary>Ints of a work tile; <see cref="WorkTileFields"/> tells which.</summary>
    public const int WorkTileInts = 13;

    /// <summary>Query rows, or scores, that a vector of a CPU kernel has.</summary>
    public const int CpuLanes = 16;

    /// <summary>Work-items that classify tiles together on a GPU; on a CPU one does, whose vectors have the rows.</summary>
    public const int ClassifyGroup = 32;

    /// <summary>What the classes of tiles are called: some, none or all of a tile is visible to the rows of its item.</summary>
    public const byte TilePartial = 0, TileEmpty = 1, TileFull = 2;

    /// <summary>Stands before instructions that only sm_90a has: a comment in the first of two builds.</summary>
    public const string Sm90aMarker = "//@sm90a ";

    /// <summary>
    /// In a comment of a source, followed by a number: PTX's directive that so many work-groups are to share a multiprocessor.
    /// </summary>
    public const string GroupsPerMultiprocessorDirective = ".minnctapersm ";

    /// <summary>The build's option by which a prefill source is built for another of its tiles, followed by that tile's number.</summary>
    public const string VariantMacro = "VARIANT";

    /// <summary>The fields of a work tile as kernels read them, in the order of the host's record, each with a comment.</summary>
    public static readonly IReadOnlyList<(string Name, string Comment)> WorkTileFields =
    [
        ("query_begin", "index of the sequence's first query token among the packed tokens"),
        ("first_row", "the item's first row in the sequence: token * GROUP + head in group"),
        ("row_count", "rows of the item, at most ROWS"),
        ("position", "key position of the sequence's first query token"),
        ("kv_begin", "the keys to read"),
        ("kv_end", ""),
        ("sequence", "whose keys they are"),
        ("partial_row", "where the partial state goes; -1: these are all the keys, write the final output"),
        ("batch", "index of the request in the launch"),
        ("prefix", "keys at the beginning that every query sees, in a prefix-LM"),
        ("key_begin", "index of the sequence's first key among the keys of all requests"),
        ("first_partial_row", "of the first of the splits that the last of them merges"),
        ("splits", "how many these are; 0: none"),
    ];
}
