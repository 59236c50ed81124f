namespace Kernels.OpenCL;

/// <summary>
/// What a spec's mask mod makes of each tile of keys, for the queries of each work item of a step: kernels leave out the
/// tiles that it hides and do not ask about those that it leaves whole. Calculated once on the device from the mod itself,
/// it serves every layer of the step, and every later step of the same lengths while the mod's inputs are the same. Not
/// thread-safe.
/// </summary>
/// <typeparam name="TSpec">The type that carries the spec.</typeparam>
public sealed class BlockMask<TSpec> : IDisposable
{
    // Of the classes at a time, where they are counted.
    private const int BytesRead = 1 << 16;

    private readonly int heads;
    private readonly Action<AttentionPlan<TSpec>> check;
    private readonly Action<AttentionPlan<TSpec>, TileClasses, TileGeometry, int> classify;
    private readonly ComputeDevice device;
    private readonly List<WorkItem> items = [];
    private readonly List<AttentionRequest> requests = [];

    // The tiles that the classes are of; null before the first build, and after one that failed.
    private KernelGeometry? geometry;
    private (AttentionPlan<TSpec> Plan, long Version)? known;
    private bool disposed;

    /// <param name="device">The device.</param>
    /// <param name="heads">Heads that have classes of their own.</param>
    /// <param name="check">Throws what a plan cannot be classified for.</param>
    /// <param name="classify">Classifies the tiles of one kernel's items.</param>
    internal BlockMask(
        ComputeDevice device, int heads, Action<AttentionPlan<TSpec>> check, Action<AttentionPlan<TSpec>, TileClasses, TileGeometry, int> classify)
    {
        this.device = device;
        this.heads = heads;
        this.check = check;
        this.classify = classify;
    }

    internal TileClasses Prefill { get; } = new();

    internal TileClasses Decode { get; } = new();

    /// <summary>Classifies the tiles of another step, or of the same with other inputs; enqueues and returns. Launches before it are not affected.</summary>
    /// <param name="plan">The step.</param>
    /// <exception cref="ArgumentException">
    /// The plan has not been built, or for kernels of another target or device, or an input is too small; the mask is as it was.
    /// </exception>
    /// <exception cref="InvalidOperationException">An input is not set; the mask is as it was.</exception>
    public void Build(AttentionPlan<TSpec> plan)
    {
        ObjectDisposedException.ThrowIf(disposed, this);
        ArgumentNullException.ThrowIfNull(plan);
        check(plan);
        known = null;
        geometry = null;
        KernelGeometry tiles = plan.Tiles.Geometry;
        Build(plan, Prefill, tiles.Prefill, plan.Work.PrefillItems, plan.Work.PrefillAt);
        Build(plan, Decode, tiles.Decode, plan.Work.DecodeItems, plan.Work.DecodeAt);
        items.Clear();
        items.AddRange(plan.Work.PrefillItems);
        items.AddRange(plan.Work.DecodeItems);
        requests.Clear();
        requests.AddRange(plan.Requests);
        geometry = tiles;
        known = (plan, plan.Version);
    }

    /// <summary>Whether a plan's step has the lengths that the mask was built for, request by request.</summary>
    public bool Fits(AttentionPlan<TSpec> plan)
    {
        ObjectDisposedException.ThrowIf(disposed, this);
        ArgumentNullException.ThrowIfNull(plan);
        return known == (plan, plan.Version) || (geometry is not null && HasLengthsOf(plan));
    }

    /// <summary>
    /// Makes the mask that of a plan's tiles, where it <see cref="Fits"/>: a plan of the same lengths that was built after a measurement
    /// may have others.
    /// </summary>
    /// <returns>Whether the mask fits.</returns>
    internal bool TryFit(AttentionPlan<TSpec> plan)
    {
        if (!Fits(plan))
        {
            return false;
        }

        if (plan.Tiles.Geometry.Prefill != geometry!.Prefill || plan.Tiles.Geometry.Decode != geometry.Decode)
        {
            Build(plan);
        }

        known = (plan, plan.Version);
        return true;
    }

    /// <summary>Counts the tiles of each class; waits for the device.</summary>
    public TileCounts Count()
    {
        ObjectDisposedException.ThrowIf(disposed, this);
        return geometry is null ? default : Count(Prefill, geometry.Prefill, 0) + Count(Decode, geometry.Decode, Prefill.Items);
    }

    /// <summary>Frees the device memory.</summary>
    public void Dispose()
    {
        disposed = true;
        Prefill.Buffer?.Dispose();
        Decode.Buffer?.Dispose();
    }

    private bool HasLengthsOf(AttentionPlan<TSpec> plan)
    {
        if (plan.Requests.Count != requests.Count)
        {
            return false;
        }

        for (int i = 0; i < requests.Count; i++)
        {
            // Whose keys they are makes no difference to the mask.
            if (plan.Requests[i] with { Sequence = requests[i].Sequence } != requests[i])
            {
                return false;
            }
        }

        return true;
    }

    private void Build(AttentionPlan<TSpec> plan, TileClasses classes, TileGeometry tile, IReadOnlyList<WorkItem> found, int itemsAt)
    {
        classes.Items = found.Count;
        classes.Stride = 0;
        foreach (WorkItem item in found)
        {
            classes.Stride = Math.Max(classes.Stride, Tiles(item, tile));
        }

        if (classes.Stride == 0)
        {
            return;
        }

        device.Grow(ref classes.Buffer, (long)classes.Items * heads * classes.Stride);
        classify(plan, classes, tile, itemsAt);
    }

    private TileCounts Count(TileClasses classes, TileGeometry tile, int firstItem)
    {
        var counts = default(TileCounts);
        if (classes.Stride == 0)
        {
            return counts;
        }

        // Read in pieces: all of them together may be more than an array can hold.
        long rows = (long)classes.Items * heads;
        int together = (int)Math.Min(rows, Math.Max(1, BytesRead / classes.Stride));
        byte[] found = new byte[together * classes.Stride];
        for (long first = 0; first < rows; first += together)
        {
            int count = (int)Math.Min(together, rows - first);
            device.Queue.Read(classes.Buffer!, found.AsSpan(0, count * classes.Stride), first * classes.Stride);
            for (int row = 0; row < count; row++)
            {
                WorkItem item = items[firstItem + (int)((first + row) / heads)];
                foreach (byte value in found.AsSpan(row * classes.Stride, Tiles(item, tile)))
                {
                    counts += new TileCounts(value == TileClasses.Empty ? 1 : 0, value == TileClasses.Partial ? 1 : 0, value == TileClasses.Full ? 1 : 0);
                }
            }
        }

        return counts;
    }

    private static int Tiles(WorkItem item, TileGeometry tile) => (item.KeyCount + tile.Keys - 1) / tile.Keys;
}

/// <summary>How many tiles of a block mask are of which class.</summary>
/// <param name="Empty">Tiles of which no query sees any key: they are left out.</param>
/// <param name="Partial">Tiles of which queries see some keys: the mask is asked about each.</param>
/// <param name="Full">Tiles of which every query sees all keys: the mask is not asked.</param>
public readonly record struct TileCounts(long Empty, long Partial, long Full)
{
    /// <summary>All tiles.</summary>
    public long Total => Empty + Partial + Full;

    /// <summary>Adds class by class.</summary>
    public static TileCounts operator +(TileCounts a, TileCounts b) => new(a.Empty + b.Empty, a.Partial + b.Partial, a.Full + b.Full);
}

/// <summary>The classes of the tiles of one kernel's items, [items, heads, stride], a byte each.</summary>
internal sealed class TileClasses
{
    public const byte Partial = KernelContract.TilePartial;
    public const byte Empty = KernelContract.TileEmpty;
    public const byte Full = KernelContract.TileFull;

    /// <summary>Null while there is nothing to classify.</summary>
    public DeviceBuffer<byte>? Buffer;

    /// <summary>Items that have classes.</summary>
    public int Items { get; set; }

    /// <summary>Tiles of the item with the most.</summary>
    public int Stride { get; set; }
}
