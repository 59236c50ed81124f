using Kernels.OpenCL;

namespace Kernels.Decoding;

/// <summary>The attention of layers of one geometry through the kernels of a spec, whichever it is.</summary>
internal sealed class LayerAttention<TElement> : IDivisibleAttention, IDecoderPages
    where TElement : unmanaged
{
    private readonly AttentionDescriptor descriptor;
    private readonly AttentionLauncher<LayerSpec, TElement> attention;
    private readonly IKvCache<LayerSpec> cache;
    private readonly PagedKvCache<LayerSpec>? paged;
    private readonly AttentionPlan<LayerSpec> plan;

    // Of the queries, where a step has only some of them attend; made when first needed.
    private AttentionPlan<LayerSpec>? narrowed;
    private AttentionPlan<LayerSpec> attending;

    // Each sequence's in the cache.
    private readonly SequenceHandle[] cached;

    // Tokens that a sequence's length in the cache has for its next step already.
    private readonly int[] reserved;
    private AttentionRequest[] requests = [];

    /// <param name="device">The device.</param>
    /// <param name="descriptor">The spec and its kernels.</param>
    /// <param name="sequences">Sequences that run side by side.</param>
    /// <param name="capacity">The most tokens that a sequence may have.</param>
    /// <param name="layers">Layers of the cache.</param>
    /// <param name="pages">Pages of a paged cache; null for as many as all sequences take at full length.</param>
    public LayerAttention(ComputeDevice device, AttentionDescriptor descriptor, int sequences, int capacity, int layers, int? pages = null)
    {
        this.descriptor = descriptor;
        Capacity = capacity;
        attention = new AttentionLauncher<LayerSpec, TElement>(device, descriptor);
        try
        {
            int pageSize = descriptor.Shape.PageSize;
            cache = pageSize == 0
                ? attention.CreateCache(sequences, capacity, layers)
                : attention.CreatePagedCache(pages ?? checked(sequences * (int)(((long)capacity + pageSize - 1) / pageSize)), layers);
        }
        catch
        {
            attention.Dispose();
            throw;
        }

        paged = cache as PagedKvCache<LayerSpec>;
        cached = [.. Enumerable.Range(0, sequences).Select(_ => cache.AddSequence())];
        reserved = new int[sequences];
        plan = attention.CreatePlan();
        attending = plan;
    }

    public ElementType Storage => descriptor.Shape.Storage;

    public int Capacity { get; }

    public long CacheBytes => cache.ByteLength;

    public ElementType RowType => descriptor.Shape.CacheStorage;

    public IDecoderPages? Pages => paged is null ? null : this;

    public int PageSize => Paged.PageSize;

    public int PageCount => Paged.PageCount;

    public PagePoolStatistics Statistics => Paged.Statistics;

    private PagedKvCache<LayerSpec> Paged => paged ?? throw new InvalidOperationException("A contiguous cache has no pages.");

    public int Length(int sequence) => cache.GetLength(cached[sequence]) - reserved[sequence];

    public bool TryReserve(int sequence, int tokens)
    {
        if (reserved[sequence] > 0)
        {
            throw new InvalidOperationException($"Sequence {sequence} has tokens reserved for its next step already.");
        }

        if (!Paged.TryExtend(cached[sequence], tokens))
        {
            return false;
        }

        reserved[sequence] = tokens;
        return true;
    }

    public void Truncate(int sequence, int length)
    {
        Paged.Truncate(cached[sequence], length);
        reserved[sequence] = 0;
    }

    public int AdoptPrefix(int sequence, ReadOnlySpan<int> tokens) => Paged.AdoptPrefix(cached[sequence], tokens);

    public void Publish(int sequence, ReadOnlySpan<int> tokens) => Paged.Publish(cached[sequence], tokens);

    public void SwapOut(int sequence) => Paged.SwapOut(cached[sequence]);

    public bool TrySwapIn(int sequence) => Paged.TrySwapIn(cached[sequence]);

    public void Begin(ReadOnlySpan<(int Sequence, int Tokens)> step)
    {
        if (requests.Length < step.Length)
        {
            requests = new AttentionRequest[step.Length];
        }

        for (int i = 0; i < step.Length; i++)
        {
            SequenceHandle sequence = cached[step[i].Sequence];
            cache.Extend(sequence, step[i].Tokens - reserved[step[i].Sequence]);
            reserved[step[i].Sequence] = 0;
            requests[i] = new AttentionRequest(sequence, step[i].Tokens);
        }

        plan.Build(cache, requests.AsSpan(0, step.Length));
        attending = plan;
    }

    public void Attending(ReadOnlySpan<(int Sequence, int Tokens)> queries)
    {
        // No more than those of the step.
        for (int i = 0; i < queries.Length; i++)
        {
            SequenceHandle sequence = cached[queries[i].Sequence];
            requests[i] = new AttentionRequest(sequence, queries[i].Tokens);
        }

        attending = narrowed ??= attention.CreatePlan();
        attending.Build(cache, requests.AsSpan(0, queries.Length));
    }

    public DeviceBuffer<byte> Rows(int layer) => cache.GetKeys(layer);

    public void Slots(int sequence, Span<int> slots)
    {
        ReadOnlySpan<int> pages = paged is null ? [] : paged.GetPages(cached[sequence]);
        for (int i = 0; i < slots.Length; i++)
        {
            slots[i] = paged is null ? (cached[sequence].Index * Capacity) + i : (pages[i / paged.PageSize] * paged.PageSize)
                + (i % paged.PageSize);
        }
    }

    public void Append(int layer, DeviceBuffer k, DeviceBuffer v, AttentionInputs inputs) =>
        attention.SubmitAppend(plan, cache, layer, (DeviceBuffer<TElement>)k, (DeviceBuffer<TElement>)v, inputs);

    public void Attend(int layer, DeviceBuffer q, DeviceBuffer o, AttentionInputs inputs) =>
        attention.SubmitAttend(attending, cache, layer, (DeviceBuffer<TElement>)q, (DeviceBuffer<TElement>)o, inputs);

    public void Reset(int sequence)
    {
        reserved[sequence] = 0;

        // Unlike truncation, this works for a sequence that is swapped out.
        cache.Release(cached[sequence]);
        cached[sequence] = cache.AddSequence();
    }

    public IEnumerable<string> Describe() =>
        [$"{descriptor.Name}: {attention.Target} kernels ({attention.TargetReason}), prefill tile of {attention.Tuning}"];

    public void Dispose()
    {
        plan.Dispose();
        narrowed?.Dispose();
        cache.Dispose();
        attention.Dispose();
    }
}
