using Kernels.Planning;

namespace Kernels.OpenCL;

/// <summary>A block mask of some spec: a <see cref="BlockMask{TSpec}"/>.</summary>
public abstract class BlockMask : IDisposable
{
    private protected BlockMask()
    {
    }

    /// <summary>Counts the tiles of each class; waits for the device.</summary>
    public abstract TileCounts Count();

    /// <summary>Frees the device memory.</summary>
    public abstract void Dispose();
}

/// <summary>
/// What a spec's mask mod makes of each tile of keys, for the queries of each work tile of a step: kernels leave out the
/// tiles that it hides and do not ask about those that it leaves whole. Calculated once on the device from the mod itself,
/// it serves every layer of the step, and every later step of the same lengths while the mod's inputs are the same. Not
/// thread-safe.
/// </summary>
/// <typeparam name="TSpec">The type that carries the spec.</typeparam>
public sealed class BlockMask<TSpec> : BlockMask
{
    // Of the classes at a time, where they are counted.
    private const int BytesRead = 1 << 16;

    private readonly int heads;
    private readonly Action<AttentionPlan<TSpec>, LaunchInputs> check;
    private readonly Action<AttentionPlan<TSpec>, LaunchInputs, TileClasses, TileGeometry, int> classify;
    private readonly AttentionDescriptor descriptor;
    private readonly ComputeDevice device;
    private readonly List<WorkTile> items = [];
    private readonly List<AttentionRequest> requests = [];

    // The tiles that the classes are of; null before the first build, and after one that failed.
    private KernelGeometry? geometry;
    private (AttentionPlan<TSpec> Plan, long Version)? known;
    private bool disposed;

    /// <param name="device">The device.</param>
    /// <param name="descriptor">The spec.</param>
    /// <param name="check">Throws what a plan cannot be classified for.</param>
    /// <param name="classify">Classifies the tiles of one kernel's items.</param>
    internal BlockMask(
        ComputeDevice device, AttentionDescriptor descriptor, Action<AttentionPlan<TSpec>, LaunchInputs> check,
        Action<AttentionPlan<TSpec>, LaunchInputs, TileClasses, TileGeometry, int> classify)
    {
        this.device = device;
        this.descriptor = descriptor;
        heads = descriptor.BlockMaskHeads;
        this.check = check;
        this.classify = classify;
    }

    internal TileClasses Prefill { get; } = new();

    internal TileClasses Decode { get; } = new();

    /// <summary>
    /// Classifies the tiles of another step, or of the same with other inputs; enqueues and returns. Launches before it are not affected.
    /// </summary>
    /// <param name="plan">The step.</param>
    /// <param name="inputs">
    /// What its launches will be given: a generated type's <c>Inputs</c>. A block mask that is among them is not looked at.
    /// </param>
    /// <exception cref="ArgumentException">
    /// The plan has not been built, or for kernels of another target or device, or an input is too small or none of the spec's; the mask is
    /// as it was.
    /// </exception>
    /// <exception cref="InvalidOperationException">An input is not there; the mask is as it was.</exception>
    public void Build(AttentionPlan<TSpec> plan, AttentionInputs inputs = default)
    {
        ObjectDisposedException.ThrowIf(disposed, this);
        ArgumentNullException.ThrowIfNull(plan);
        Build(plan, new LaunchInputs(descriptor, inputs));
    }

    private void Build(AttentionPlan<TSpec> plan, LaunchInputs inputs)
    {
        check(plan, inputs);
        known = null;
        geometry = null;
        KernelGeometry tiles = plan.Tiles.Geometry;
        Build(plan, inputs, Prefill, tiles.Prefill, plan.Work.PrefillTiles, plan.Work.PrefillAt);
        Build(plan, inputs, Decode, tiles.Decode, plan.Work.DecodeTiles, plan.Work.DecodeAt);
        items.Clear();
        items.AddRange(plan.Work.PrefillTiles);
        items.AddRange(plan.Work.DecodeTiles);
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
    internal bool TryFit(AttentionPlan<TSpec> plan, LaunchInputs inputs)
    {
        if (!Fits(plan))
        {
            return false;
        }

        if (plan.Tiles.Geometry.Prefill != geometry!.Prefill || plan.Tiles.Geometry.Decode != geometry.Decode)
        {
            Build(plan, inputs);
        }

        known = (plan, plan.Version);
        return true;
    }

    /// <inheritdoc/>
    public override TileCounts Count()
    {
        ObjectDisposedException.ThrowIf(disposed, this);
        return geometry is null ? default : Count(Prefill, geometry.Prefill, 0) + Count(Decode, geometry.Decode, Prefill.Items);
    }

    /// <inheritdoc/>
    public override void Dispose()
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

    private void Build(
        AttentionPlan<TSpec> plan, LaunchInputs inputs, TileClasses classes, TileGeometry tile, IReadOnlyList<WorkTile> found, int workAt)
    {
        classes.Items = found.Count;
        classes.Stride = 0;
        foreach (WorkTile item in found)
        {
            classes.Stride = Math.Max(classes.Stride, Tiles(item, tile));
        }

        if (classes.Stride == 0)
        {
            return;
        }

        device.Grow(ref classes.Buffer, (long)classes.Items * heads * classes.Stride);
        classify(plan, inputs, classes, tile, workAt);
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
                WorkTile item = items[firstItem + (int)((first + row) / heads)];
                foreach (byte value in found.AsSpan(row * classes.Stride, Tiles(item, tile)))
                {
                    counts += new TileCounts(
                        value == TileClasses.Empty ? 1 : 0, value == TileClasses.Partial ? 1 : 0, value == TileClasses.Full ? 1 : 0);
                }
            }
        }

        return counts;
    }

    private static int Tiles(WorkTile item, TileGeometry tile) => (item.KeyCount + tile.Keys - 1) / tile.Keys;
}
