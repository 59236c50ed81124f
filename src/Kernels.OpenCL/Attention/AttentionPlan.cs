using Kernels.Planning;

namespace Kernels.OpenCL;

/// <summary>
/// One step's work, planned on the host, uploaded once and used by every layer. Build it anew for each step; its memory
/// on host and device grows to the largest step and stays. It keeps the tiles that it was built for, whichever are chosen later. It can be
/// built again while launches of the step before are under way. Not thread-safe.
/// </summary>
/// <remarks>
/// A step's new tokens are appended to a layer before anything attends to them there; then any number of launches may, of this plan or
/// another. Tokens are appended in order, and a step that is appended again writes its tokens again. A plan holds while its sequences only
/// grow: when one is truncated, released or swapped out, launches say so, and it is to be built anew.
/// </remarks>
/// <typeparam name="TSpec">The type that carries the spec.</typeparam>
public sealed class AttentionPlan<TSpec> : IDisposable
{
    private readonly AttentionDescriptor descriptor;
    private readonly TileSelection selection;
    private readonly ComputeDevice device;
    private readonly UploadRing uploads;
    private readonly SequenceSet distinct = new();
    private readonly List<int> indexes = [];
    private DeviceBuffer<float>? partialOutputs;
    private DeviceBuffer<float>? partialStates;
    private DeviceBuffer<int>? mergeCounters;
    private DeviceBuffer<float>? lse;
    private bool disposed;

    // The requests with the key lengths that the cache has for them.
    private AttentionRequest[] complete = [];

    // Layers that are known to hold all keys of the step.
    private bool[] readable = [];

    // What the cache's changes were when the plan was last found to hold.
    private long holdsAt;

    internal AttentionPlan(ComputeDevice device, AttentionDescriptor descriptor, KernelTarget target, TileSelection selection)
    {
        this.device = device;
        Target = target;
        this.descriptor = descriptor;
        this.selection = selection;
        Tiles = selection.Current;
        uploads = new UploadRing(device);
    }

    /// <summary>The work as it was shared out.</summary>
    public WorkPlan Work { get; } = new();

    /// <summary>Packed query tokens of the step.</summary>
    public int Tokens => Work.Tokens;

    /// <summary>The target whose kernels' tiles the work is shared out for.</summary>
    internal KernelTarget Target { get; }

    /// <summary>The plan's cache: the sequences that its slots mean. null: the plan has not been built.</summary>
    internal IKvCache<TSpec>? Cache { get; private set; }

    /// <summary>The tiles that the work was shared out for.</summary>
    internal LaunchTiles Tiles { get; private set; }

    /// <summary>The step's requests.</summary>
    internal List<AttentionRequest> Requests { get; } = [];

    /// <summary>Counts the builds.</summary>
    internal long Version { get; private set; }

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
    /// <exception cref="ArgumentException">
    /// A request names a sequence that the cache lacks, or has a negative length or more keys than its sequence has; a sequence occurs
    /// twice; or the cache is another device's. The plan is as it was. Or the step is too large for <see cref="WorkPlan"/>; the plan counts
    /// as not built then.
    /// </exception>
    /// <exception cref="InvalidOperationException">A sequence is swapped out. The plan is as it was.</exception>
    public void Build(IKvCache<TSpec> cache, ReadOnlySpan<AttentionRequest> requests) => Build(cache, requests, attends: true);

    /// <summary>As the other; a step that only appends, which <paramref name="attends"/> tells, measures nothing.</summary>
    internal void Build(IKvCache<TSpec> cache, ReadOnlySpan<AttentionRequest> requests, bool attends)
    {
        ObjectDisposedException.ThrowIf(disposed, this);
        ArgumentNullException.ThrowIfNull(cache);
        cache.ThrowIfDisposed();
        if (cache.Device != device)
        {
            throw new ArgumentException($"The cache is on {cache.Device}; the plan is for {device}.", nameof(cache));
        }

        int longest = Check(cache, requests);
        requests = complete.AsSpan(0, requests.Length);
        AttentionShape shape = descriptor.Shape;

        // Should something fail from here on, the plan is one that has not been built.
        Cache = null;
        Version++;
        Tiles = attends && IsLongPrompt(longest) ? selection.Measured() : selection.Current;
        cache.Plan(Work, Tiles.Geometry, requests);
        Requests.Clear();
        Requests.AddRange(requests);
        indexes.Clear();
        foreach (AttentionRequest request in requests)
        {
            indexes.Add(cache.IndexOf(request.Sequence));
        }

        if (readable.Length < cache.Layers)
        {
            readable = new bool[cache.Layers];
        }

        Array.Clear(readable);
        uploads.Upload(Work.Data);
        device.Grow(ref partialOutputs, (long)Work.PartialRows * shape.KvHeads * shape.ValueDim);
        device.Grow(ref partialStates, 2L * Work.PartialRows * shape.KvHeads);
        if (Tiles.Geometry.Decode.MergesSplits && device.Grow(ref mergeCounters, (long)Work.PartialRows * shape.KvHeads))
        {
            device.Queue.SubmitFill(mergeCounters!, 0, 0, mergeCounters!.Length);
        }

        device.Grow(ref lse, (long)Work.Tokens * shape.QueryHeads);
        holdsAt = cache.Changes;
        Cache = cache;
    }

    /// <exception cref="ObjectDisposedException">The plan is disposed.</exception>
    /// <exception cref="ArgumentException">The plan has not been built, or for the kernels of another device, target or spec.</exception>
    internal void ThrowIfNotFor(ComputeDevice launching, AttentionDescriptor spec, KernelTarget target)
    {
        ObjectDisposedException.ThrowIf(disposed, this);
        if (launching != device || target != Target || spec != descriptor)
        {
            throw new ArgumentException(
                $"The plan is of {descriptor.Name} for {Target} kernels on {device}; create one for {spec.Name}, {target} on {launching}.",
                "plan");
        }

        if (Cache is null)
        {
            throw new ArgumentException("The plan has not been built: call Build first.", "plan");
        }
    }

    /// <exception cref="InvalidOperationException">A sequence of the step is not what it was when the plan was built.</exception>
    internal void ThrowIfStale()
    {
        if (Cache!.Changes == holdsAt)
        {
            return;
        }

        foreach (AttentionRequest request in Requests)
        {
            if (!Cache.Contains(request.Sequence))
            {
                throw new InvalidOperationException($"Sequence {request.Sequence} was released after the plan was built; build it again.");
            }

            if (Cache.ChangedAt(request.Sequence) > holdsAt)
            {
                throw new InvalidOperationException(
                    $"Sequence {request.Sequence} was truncated or swapped out, "
                    + "or its pages were replaced, after the plan was built; build it again.");
            }
        }

        holdsAt = Cache.Changes;
    }

    /// <summary>Whether the step's tokens are the next ones of a layer, or can be written there again.</summary>
    /// <exception cref="InvalidOperationException">They are not.</exception>
    internal void ThrowIfNotAppendable(int layer)
    {
        int slot = Work.SlotsAt;
        for (int i = 0; i < Requests.Count; i++)
        {
            AttentionRequest request = Requests[i];
            int keys = KeysOf(request), begin = Math.Max(0, keys - request.QueryLength), held = Cache!.Written[indexes[i], layer];
            int first = slot + request.QueryLength - (keys - begin);
            slot += request.QueryLength;
            if (begin == held || begin >= keys)
            {
                continue;
            }

            if (begin > held)
            {
                throw new InvalidOperationException(
                    $"{request}: layer {layer} has {held} tokens of the sequence, and those from {begin} on were to be appended; "
                    + "append in order, or truncate the sequence.");
            }

            if (!Cache.CanRewrite(request.Sequence, begin, Work.Data.Slice(first, Math.Min(held, keys) - begin)))
            {
                throw new InvalidOperationException(
                    $"{request}: layer {layer} has the sequence's tokens from {begin} on already, in pages that other sequences have too; "
                    + "truncate and extend the sequence to write others.");
            }
        }
    }

    /// <summary>Takes down that a layer has the step's tokens.</summary>
    internal void Appended(int layer)
    {
        bool hasAll = true;
        for (int i = 0; i < Requests.Count; i++)
        {
            ref int held = ref Cache!.Written[indexes[i], layer];
            if (Requests[i].QueryLength > 0)
            {
                held = Math.Max(held, KeysOf(Requests[i]));
            }

            hasAll &= held >= KeysOf(Requests[i]);
        }

        readable[layer] = hasAll;
    }

    /// <exception cref="InvalidOperationException">A layer lacks keys of the step.</exception>
    internal void ThrowIfNotReadable(int layer)
    {
        for (int i = 0; !readable[layer] && i < Requests.Count; i++)
        {
            int held = Cache!.Written[indexes[i], layer];
            if (held < KeysOf(Requests[i]))
            {
                throw new InvalidOperationException(
                    $"{Requests[i]}: layer {layer} has {held} of these keys; "
                    + "Append the others first, or MarkWritten them where they were written otherwise.");
            }
        }

        readable[layer] = true;
    }

    private static int KeysOf(AttentionRequest request) => request.KeyLength.GetValueOrDefault();

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

    /// <summary>Checks requests, and completes them.</summary>
    /// <returns>Tokens of the request that has most.</returns>
    private int Check(IKvCache<TSpec> cache, ReadOnlySpan<AttentionRequest> requests)
    {
        int longest = 0;
        distinct.Clear();
        if (complete.Length < requests.Length)
        {
            complete = new AttentionRequest[Math.Max(requests.Length, (int)Math.Min(Array.MaxLength, 2L * complete.Length))];
        }

        for (int i = 0; i < requests.Length; i++)
        {
            AttentionRequest request = requests[i];
            if (!cache.Contains(request.Sequence))
            {
                throw new ArgumentException($"{request}: the cache has no such sequence.", nameof(requests));
            }

            if (!distinct.Add(cache.IndexOf(request.Sequence)))
            {
                throw new ArgumentException($"{request}: the step has sequence {request.Sequence} twice.", nameof(requests));
            }

            request = complete[i] = request with { KeyLength = request.KeyLength ?? cache.GetLength(request.Sequence) };
            if (request.QueryLength < 0 || request.KeyLength < 0 || request.PrefixLength < 0
                || request.KeyLength > cache.GetLength(request.Sequence))
            {
                throw new ArgumentException(
                    $"{request}: expected lengths of 0 or more, and no more keys than the sequence's "
                    + $"{cache.GetLength(request.Sequence)} tokens.",
                    nameof(requests));
            }

            cache.ThrowIfSwappedOut(request.Sequence);
            longest = Math.Max(longest, request.QueryLength);
        }

        return longest;
    }

    /// <summary>Whether a request of so many tokens is worth a measurement, and the prefill kernel's.</summary>
    private bool IsLongPrompt(int tokens) =>
        tokens >= TileSelection.LongPrompt && (long)tokens * descriptor.Shape.GroupSize > selection.Current.Geometry.Decode.Rows;
}
