using Kernels.Planning;

namespace Kernels.OpenCL;

/// <summary>
/// The keys and values of any number of sequences over a number of layers, on the device, in pages that sequences take as they grow, share
/// and give back. For each layer there are two buffers, page after page; a page is (head, token, dim) or (token, head, dim) by the shape's
/// layout, and slot = page × page size + place in the page. Pages and lengths are kept here, on the host; the kernels fill in the contents.
/// Copies and swaps are commands of the device's default queue, which is where the kernels that use the cache must run; should one of them
/// fail to be enqueued, the cache is as it was before the call. Not thread-safe.
/// </summary>
public abstract class PagedKvCache : IDisposable
{
    private readonly DevicePages contents;
    private readonly PagePool pool;
    private readonly HeadScales? headScales;
    private bool disposed;

    private protected PagedKvCache(ComputeDevice device, AttentionShape shape, int pages, int layers)
    {
        ArgumentNullException.ThrowIfNull(device);
        ArgumentNullException.ThrowIfNull(shape);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(pages);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(layers);
        if (shape.PageSize == 0)
        {
            throw new ArgumentException("The shape has no page size: its cache is contiguous.", nameof(shape));
        }

        contents = new DevicePages(device, shape, pages, layers);
        try
        {
            pool = new PagePool(pages, shape.PageSize, contents);
            headScales = shape.CacheScale == CacheScale.PerHead ? new HeadScales(device, shape.KvHeads, layers) : null;
        }
        catch
        {
            contents.Dispose();
            throw;
        }

        Device = device;
        Shape = shape;
        Written = new WrittenTokens(layers);
    }

    /// <summary>The device that the cache lives on.</summary>
    public ComputeDevice Device { get; }

    /// <summary>What the cache was laid out for.</summary>
    public AttentionShape Shape { get; }

    /// <summary>Tokens of a page.</summary>
    public int PageSize => pool.PageSize;

    /// <summary>Pages of the cache; each serves all layers.</summary>
    public int PageCount => pool.Pages;

    /// <summary>Layers that the cache has room for.</summary>
    public int Layers => contents.Layers;

    /// <summary>Bytes of device memory that the pages take. One page more is taken to swap with.</summary>
    public long ByteLength => contents.ByteLength;

    /// <summary>Bytes of host memory that swapped-out sequences take; they are kept for later ones.</summary>
    public long HostByteLength => contents.HostByteLength;

    /// <summary>What the pages are used for.</summary>
    public PagePoolStatistics Statistics => pool.Statistics;

    /// <summary>Where a plan finds the tokens of the sequences.</summary>
    public PagedSlots Slots => Usable().Slots;

    internal WrittenTokens Written { get; }

    internal long Changes => pool.Changes;

    /// <summary>The keys of a layer as they lie in memory, page after page.</summary>
    public DeviceBuffer<byte> GetKeys(int layer) => contents.Keys(CheckedLayer(layer));

    /// <summary>The values of a layer as they lie in memory, page after page.</summary>
    public DeviceBuffer<byte> GetValues(int layer) => contents.Values(CheckedLayer(layer));

    /// <summary>The scales of a layer's keys, float32: laid out as the keys with one element a row, or one for each KV head.</summary>
    /// <exception cref="InvalidOperationException">The cache's element type has no scales.</exception>
    public DeviceBuffer<byte> GetKeyScales(int layer) => headScales?.Keys(CheckedLayer(layer)) ?? contents.KeyScales(CheckedLayer(layer));

    /// <summary>The scales of a layer's values, float32: laid out as the values with one element a row, or one for each KV head.</summary>
    /// <exception cref="InvalidOperationException">The cache's element type has no scales.</exception>
    public DeviceBuffer<byte> GetValueScales(int layer) =>
        headScales?.Values(CheckedLayer(layer)) ?? contents.ValueScales(CheckedLayer(layer));

    /// <inheritdoc cref="KvCache.SetScales"/>
    public void SetScales(int layer, ReadOnlySpan<float> keyScales, ReadOnlySpan<float> valueScales)
    {
        ThrowIfDisposed();
        HeadScales scales = headScales ?? throw new InvalidOperationException($"A cache in {Shape.CacheStorage} has no scales by KV head.");
        scales.Set(CheckedLayer(layer), keyScales, valueScales);
    }

    /// <inheritdoc cref="PagePool.AddSequence"/>
    public SequenceHandle AddSequence()
    {
        SequenceHandle sequence = Usable().AddSequence();
        Written.Begin(sequence.Index, 0);
        return sequence;
    }

    /// <inheritdoc cref="PagePool.Contains"/>
    public bool Contains(SequenceHandle sequence) => Usable().Contains(sequence);

    /// <inheritdoc cref="PagePool.IsSwappedOut"/>
    public bool IsSwappedOut(SequenceHandle sequence) => Usable().IsSwappedOut(sequence);

    /// <inheritdoc cref="PagePool.GetLength"/>
    public int GetLength(SequenceHandle sequence) => Usable().GetLength(sequence);

    /// <inheritdoc cref="PagePool.GetPages"/>
    public ReadOnlySpan<int> GetPages(SequenceHandle sequence) => Usable().GetPages(sequence);

    /// <summary>
    /// Makes room for a sequence's next tokens; the step's <c>Append</c> writes them, layer by layer, before anything attends to them.
    /// Where the first of them falls into a page that others hold too, a copy of that page is enqueued first, over all layers.
    /// </summary>
    /// <inheritdoc cref="PagePool.TryReserve"/>
    public bool TryExtend(SequenceHandle sequence, int tokens) => Usable().TryReserve(sequence, tokens);

    /// <summary>Does what <see cref="TryExtend"/> does, or throws.</summary>
    /// <exception cref="CacheFullException">There are not enough pages; nothing has changed.</exception>
    public void Extend(SequenceHandle sequence, int tokens)
    {
        if (!TryExtend(sequence, tokens))
        {
            throw new CacheFullException(
                sequence, GetLength(sequence), tokens, $"{Statistics.Available} pages of {PageSize} are available");
        }
    }

    /// <inheritdoc cref="PagePool.Truncate"/>
    public void Truncate(SequenceHandle sequence, int length)
    {
        Usable().Truncate(sequence, length);
        Written.Truncate(sequence.Index, length);
    }

    /// <inheritdoc cref="IKvCache{TSpec}.MarkWritten"/>
    /// <exception cref="ArgumentOutOfRangeException">There is no such sequence.</exception>
    public void MarkWritten(SequenceHandle sequence) => Written.Begin(sequence.Index, Usable().GetLength(sequence));

    /// <inheritdoc cref="PagePool.Release"/>
    public void Release(SequenceHandle sequence) => Usable().Release(sequence);

    /// <summary>
    /// Begins a sequence with everything that another has: beam search, several answers to one prompt. All pages are shared; they are
    /// copied when one of the two writes into them.
    /// </summary>
    /// <returns>The new sequence.</returns>
    /// <exception cref="ArgumentOutOfRangeException">There is no such sequence.</exception>
    /// <exception cref="InvalidOperationException">
    /// The sequence is swapped out, or has tokens that have yet to be appended: they would be the fork's too.
    /// </exception>
    public SequenceHandle Fork(SequenceHandle sequence)
    {
        int length = GetLength(sequence);
        ThrowIfNotWritten(sequence, length);
        SequenceHandle fork = pool.Fork(sequence);
        Written.Begin(fork.Index, length);
        return fork;
    }

    /// <inheritdoc cref="PagePool.Publish"/>
    /// <exception cref="InvalidOperationException">
    /// The sequence is swapped out, or tokens of a whole page have yet to be appended to a layer.
    /// </exception>
    public int Publish(SequenceHandle sequence, ReadOnlySpan<int> tokens)
    {
        ThrowIfNotWritten(sequence, Math.Min(tokens.Length, GetLength(sequence)) / PageSize * PageSize);
        return pool.Publish(sequence, tokens);
    }

    /// <inheritdoc cref="PagePool.AdoptPrefix"/>
    public int AdoptPrefix(SequenceHandle sequence, ReadOnlySpan<int> tokens)
    {
        int adopted = Usable().AdoptPrefix(sequence, tokens);
        Written.Begin(sequence.Index, adopted);
        return adopted;
    }

    /// <summary>
    /// Enqueues the copy of what a sequence holds to host memory, and gives up its pages: commands enqueued from now on may overwrite them.
    /// Pages that sequences which stay hold too are not copied: the sequence keeps them, and a second call swaps out those that nobody else
    /// uses any more. It is not necessary to wait before the sequence is swapped in again.
    /// </summary>
    /// <inheritdoc cref="PagePool.SwapOut"/>
    public int SwapOut(SequenceHandle sequence) => Usable().SwapOut(sequence);

    /// <summary>
    /// Enqueues the copy of a swapped-out sequence back from host memory, into whatever pages there are. What is still cached is not
    /// copied.
    /// </summary>
    /// <inheritdoc cref="PagePool.TrySwapIn"/>
    public bool TrySwapIn(SequenceHandle sequence) => Usable().TrySwapIn(sequence);

    /// <summary>Frees the device memory.</summary>
    public void Dispose()
    {
        disposed = true;
        contents.Dispose();
        headScales?.Dispose();
        GC.SuppressFinalize(this);
    }

    internal long ChangedAt(SequenceHandle sequence) => Usable().GetChangedAt(sequence);

    internal int IndexOf(SequenceHandle sequence)
    {
        GetLength(sequence);
        return sequence.Index;
    }

    internal void ThrowIfDisposed() => ObjectDisposedException.ThrowIf(disposed, this);

    internal void ThrowIfSwappedOut(SequenceHandle sequence) => Usable().GetPages(sequence);

    internal bool CanRewrite(SequenceHandle sequence, int position, ReadOnlySpan<int> slots)
    {
        // What can be written is the same for all tokens of a page.
        for (int i = 0; i < slots.Length; i += PageSize - ((position + i) % PageSize))
        {
            if (slots[i] >= 0 && (pool.Slots.GetSlot(sequence, position + i) < 0 || pool.GetReferenceCount(slots[i] / PageSize) > 1))
            {
                return false;
            }
        }

        return true;
    }

    private PagePool Usable()
    {
        ThrowIfDisposed();
        return pool;
    }

    private void ThrowIfNotWritten(SequenceHandle sequence, int tokens)
    {
        int written = Written.InAllLayers(IndexOf(sequence));
        if (written < tokens)
        {
            throw new InvalidOperationException(
                $"Of sequence {sequence}'s {tokens} tokens, {written} have been appended to all layers; "
                + "append the others first, or truncate the sequence.");
        }
    }

    private int CheckedLayer(int layer)
    {
        ThrowIfDisposed();
        return (uint)layer < (uint)Layers
            ? layer
            : throw new ArgumentOutOfRangeException(nameof(layer), layer, $"Expected a layer from 0 to {Layers - 1}.");
    }
}

/// <summary>The paged cache of one spec: another spec's kernels cannot be given it.</summary>
/// <typeparam name="TSpec">The type that carries the spec.</typeparam>
public sealed class PagedKvCache<TSpec> : PagedKvCache, IKvCache<TSpec>
{
    /// <exception cref="ArgumentException">The shape has no page size, or a page of all layers has 2^31 bytes or more.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A number is not positive, or the pages have more than 2^31 slots.</exception>
    /// <exception cref="DeviceLimitException">The keys or values of a layer are more than the device allows for one buffer.</exception>
    /// <exception cref="DeviceOutOfMemoryException">The device has not that much memory left.</exception>
    internal PagedKvCache(ComputeDevice device, AttentionShape shape, int pages, int layers)
        : base(device, shape, pages, layers)
    {
    }

    int IKvCache<TSpec>.Capacity => 0;

    WrittenTokens IKvCache<TSpec>.Written => Written;

    long IKvCache<TSpec>.Changes => Changes;

    long IKvCache<TSpec>.ChangedAt(SequenceHandle sequence) => ChangedAt(sequence);

    int IKvCache<TSpec>.IndexOf(SequenceHandle sequence) => IndexOf(sequence);

    void IKvCache<TSpec>.ThrowIfDisposed() => ThrowIfDisposed();

    void IKvCache<TSpec>.ThrowIfSwappedOut(SequenceHandle sequence) => ThrowIfSwappedOut(sequence);

    bool IKvCache<TSpec>.CanRewrite(SequenceHandle sequence, int position, ReadOnlySpan<int> slots) =>
        CanRewrite(sequence, position, slots);

    void IKvCache<TSpec>.Plan(WorkPlan work, KernelGeometry geometry, ReadOnlySpan<AttentionRequest> requests) =>
        work.Build(Shape, geometry, Device.Capabilities.ComputeUnits, Slots, requests);
}
