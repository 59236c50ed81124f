namespace Kernels.OpenCL;

/// <summary>
/// One step's work, planned on the host, uploaded once and used by every layer. Build it anew for each step; its memory
/// on host and device grows to the largest step and stays. It keeps the tiles that it was built for, whichever are chosen later. Not
/// thread-safe.
/// </summary>
/// <typeparam name="TSpec">The type that carries the spec.</typeparam>
public sealed class AttentionPlan<TSpec> : IDisposable
{
    private readonly AttentionDescriptor descriptor;
    private readonly TileSelection selection;
    private readonly ComputeDevice device;
    private readonly UploadRing uploads;
    private DeviceBuffer<float>? partialOutputs;
    private DeviceBuffer<float>? partialStates;
    private DeviceBuffer<int>? mergeCounters;
    private DeviceBuffer<float>? lse;
    private bool disposed;

    internal AttentionPlan(ComputeDevice device, AttentionDescriptor descriptor, TileSelection selection)
    {
        this.device = device;
        this.descriptor = descriptor;
        this.selection = selection;
        Tiles = selection.Current;
        uploads = new UploadRing(device);
    }

    /// <summary>The work as it was shared out.</summary>
    public WorkPlan Work { get; } = new();

    /// <summary>Packed query tokens of the step.</summary>
    public int Tokens => Work.Tokens;

    /// <summary>The plan's cache: the sequences that its slots mean.</summary>
    internal IKvCache<TSpec>? Cache { get; private set; }

    /// <summary>The tiles that the work was shared out for.</summary>
    internal LaunchTiles Tiles { get; private set; }

    /// <summary>The step's requests, for block masks; empty where the spec has none.</summary>
    internal List<AttentionRequest> Requests { get; } = [];

    /// <summary>Counts the builds.</summary>
    internal int Version { get; private set; }

    internal DeviceBuffer<int> Data => uploads.Current;

    internal DeviceBuffer<float> PartialOutputs => partialOutputs!;

    internal DeviceBuffer<float> PartialStates => partialStates!;

    /// <summary>[partial rows, H_kv]: splits that have ended, of items whose last split merges them. 0 between launches.</summary>
    internal DeviceBuffer<int> MergeCounters => mergeCounters!;

    /// <summary>Where LSEs go that nobody asked for.</summary>
    internal DeviceBuffer<float> Lse => lse!;

    /// <summary>
    /// Plans a step on sequences of <paramref name="cache"/> and enqueues the upload. The first with a prompt of 256 tokens or more may
    /// measure the spec's tiles before: see <see cref="TuningMode"/>.
    /// </summary>
    /// <param name="cache">The cache that the step's keys and values are in.</param>
    /// <param name="requests">The step's sequences, in the order in which their queries are packed.</param>
    /// <exception cref="ArgumentException">A request names a sequence that the cache lacks, a negative length, or more keys than its sequence has.</exception>
    public void Build(IKvCache<TSpec> cache, ReadOnlySpan<AttentionRequest> requests) => Build(cache, requests, attends: true);

    /// <summary>As the other; a step that only appends, which <paramref name="attends"/> tells, measures nothing.</summary>
    internal void Build(IKvCache<TSpec> cache, ReadOnlySpan<AttentionRequest> requests, bool attends)
    {
        ObjectDisposedException.ThrowIf(disposed, this);
        ArgumentNullException.ThrowIfNull(cache);
        int longest = 0;
        foreach (AttentionRequest request in requests)
        {
            if (!cache.Exists(request.Sequence))
            {
                throw new ArgumentException($"{request}: the cache has no such sequence.", nameof(requests));
            }

            if (request.QueryLength < 0 || request.KeyLength < 0 || request.KeyLength > cache.Length(request.Sequence))
            {
                throw new ArgumentException(
                    $"{request}: expected lengths of 0 or more, and no more keys than the sequence's {cache.Length(request.Sequence)} tokens.",
                    nameof(requests));
            }

            longest = Math.Max(longest, request.QueryLength);
        }

        AttentionShape shape = descriptor.Shape;
        Tiles = attends && IsLongPrompt(longest) ? selection.Measured() : selection.Current;
        Cache = cache;
        Version++;
        cache.Plan(Work, Tiles.Geometry, requests);
        if (descriptor.BlockMaskHeads > 0)
        {
            Requests.Clear();
            Requests.AddRange(requests);
        }

        uploads.Upload(Work.Data);
        device.Grow(ref partialOutputs, (long)Work.PartialRows * shape.KvHeads * shape.ValueDim);
        device.Grow(ref partialStates, 2L * Work.PartialRows * shape.KvHeads);
        if (Tiles.Geometry.Decode.MergesSplits && device.Grow(ref mergeCounters, (long)Work.PartialRows * shape.KvHeads))
        {
            device.Queue.SubmitFill(mergeCounters!, 0, 0, mergeCounters!.Length);
        }

        device.Grow(ref lse, (long)Work.Tokens * shape.QueryHeads);
    }

    /// <summary>Frees the device memory.</summary>
    public void Dispose()
    {
        disposed = true;
        uploads.Dispose();
        partialOutputs?.Dispose();
        partialStates?.Dispose();
        mergeCounters?.Dispose();
        lse?.Dispose();
    }

    /// <summary>Whether a request of so many tokens is worth a measurement, and the prefill kernel's.</summary>
    private bool IsLongPrompt(int tokens) =>
        tokens >= TileSelection.LongPrompt && (long)tokens * descriptor.Shape.GroupSize > selection.Current.Geometry.Decode.Rows;
}
