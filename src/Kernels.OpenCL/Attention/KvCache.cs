using Kernels.Planning;

namespace Kernels.OpenCL;

/// <summary>
/// The keys and values of a number of sequences over a number of layers, on the device. Contiguous: every sequence has
/// room for <see cref="Capacity"/> tokens. Lengths are kept here, on the host; the kernels fill in the contents.
/// </summary>
public abstract class KvCache : IDisposable
{
    private readonly DeviceBuffer<byte>[] keys;
    private readonly DeviceBuffer<byte>[] values;
    private readonly DeviceBuffer<byte>[] keyScales;
    private readonly DeviceBuffer<byte>[] valueScales;
    private readonly HeadScales? headScales;
    // By the sequences' places: who has one, or no one, how long it is, and when plans of it were last made wrong.
    private readonly SequenceHandle[] handles;
    private readonly int[] lengths;
    private readonly long[] changedAt;

    // Places that sequences had and have no longer; those from the first untouched one on never had one.
    private readonly Stack<int> released;
    private readonly Lock placing = new();
    private int untouched;
    private long changes;
    private bool disposed;

    private protected KvCache(ComputeDevice device, AttentionShape shape, int sequences, int capacity, int layers)
    {
        ArgumentNullException.ThrowIfNull(device);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(sequences);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(capacity);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(layers);
        if ((long)sequences * capacity > int.MaxValue)
        {
            throw new ArgumentException(
                $"{sequences} sequences of {capacity} tokens are {(long)sequences * capacity} slots; a cache has at most {int.MaxValue}.",
                nameof(sequences));
        }

        ArgumentOutOfRangeException.ThrowIfGreaterThan(capacity, WorkPlan.MaxLength);

        Device = device;
        Shape = shape;
        Capacity = capacity;
        handles = new SequenceHandle[sequences];
        lengths = new int[sequences];
        changedAt = new long[sequences];
        released = new Stack<int>(sequences);
        Written = new WrittenTokens(layers);

        keys = new DeviceBuffer<byte>[layers];
        values = new DeviceBuffer<byte>[layers];
        CacheScale scale = shape.CacheScale;
        keyScales = new DeviceBuffer<byte>[scale == CacheScale.PerToken ? layers : 0];
        valueScales = new DeviceBuffer<byte>[keyScales.Length];
        long rows = (long)sequences * capacity * shape.KvHeads;
        try
        {
            for (int layer = 0; layer < layers; layer++)
            {
                keys[layer] = device.Allocate<byte>(rows * shape.KeyBytes);
                values[layer] = shape.LatentCache ? keys[layer] : device.Allocate<byte>(rows * shape.ValueBytes);
                if (scale == CacheScale.PerToken)
                {
                    keyScales[layer] = device.Allocate<byte>(rows * sizeof(float));
                    valueScales[layer] = device.Allocate<byte>(rows * sizeof(float));
                }
            }

            headScales = scale == CacheScale.PerHead ? new HeadScales(device, shape.KvHeads, layers) : null;
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>The device that the cache lives on.</summary>
    public ComputeDevice Device { get; }

    /// <summary>What the cache was laid out for.</summary>
    public AttentionShape Shape { get; }

    /// <summary>Tokens that one sequence has room for.</summary>
    public int Capacity { get; }

    /// <summary>Sequences that the cache has room for.</summary>
    public int Sequences => lengths.Length;

    /// <summary>Layers that the cache has room for.</summary>
    public int Layers => keys.Length;

    /// <summary>Bytes of device memory that the cache takes.</summary>
    public long ByteLength => ((long)Sequences * Capacity * Layers * Shape.CacheBytesPerToken) + (headScales?.ByteLength ?? 0);

    internal WrittenTokens Written { get; }

    internal long Changes => Volatile.Read(ref changes);

    /// <summary>Begins an empty sequence.</summary>
    /// <exception cref="CacheFullException">There are <see cref="Sequences"/> already.</exception>
    public SequenceHandle AddSequence()
    {
        ThrowIfDisposed();
        lock (placing)
        {
            if (!released.TryPop(out int place))
            {
                place = untouched < handles.Length
                    ? untouched++
                    : throw new CacheFullException(
                        $"The cache has room for {handles.Length} sequences, and as many are in use; release one first.");
            }

            Written.Begin(place, 0);
            return handles[place] = SequenceHandle.Create(place);
        }
    }

    /// <summary>Ends a sequence; its place is for another. Its handle, and plans that were built for it, no longer hold.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no such sequence.</exception>
    public void Release(SequenceHandle sequence)
    {
        int place = Checked(sequence);
        lock (placing)
        {
            lengths[place] = 0;
            handles[place] = default;
            changedAt[place] = Interlocked.Increment(ref changes);
            released.Push(place);
        }
    }

    /// <summary>Whether the sequence is one of the cache's, and has not been released.</summary>
    public bool Contains(SequenceHandle sequence)
    {
        ThrowIfDisposed();
        return sequence.Index < handles.Length && sequence != default && handles[sequence.Index] == sequence;
    }

    /// <summary>Tokens of a sequence, written or about to be written by the step that extended it.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no such sequence.</exception>
    public int GetLength(SequenceHandle sequence) => lengths[Checked(sequence)];

    /// <summary>
    /// Makes room for a sequence's next tokens; the step's <c>Append</c> writes them, layer by layer, before anything attends to them.
    /// </summary>
    /// <exception cref="CacheFullException">The sequence would be longer than <see cref="Capacity"/>; nothing has changed.</exception>
    public void Extend(SequenceHandle sequence, int tokens)
    {
        int place = Checked(sequence), length = lengths[place];
        ArgumentOutOfRangeException.ThrowIfNegative(tokens);
        if (tokens > Capacity - length)
        {
            throw new CacheFullException(sequence, length, tokens, $"a sequence has room for {Capacity}");
        }

        lengths[place] += tokens;
    }

    /// <summary>
    /// Shortens a sequence to its first <paramref name="length"/> tokens. Plans that were built for it before no longer hold.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">The sequence is shorter than that already.</exception>
    public void Truncate(SequenceHandle sequence, int length)
    {
        int place = Checked(sequence), before = lengths[place];
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, before);
        if (length < before)
        {
            lengths[place] = length;
            Written.Truncate(place, length);
            changedAt[place] = Interlocked.Increment(ref changes);
        }
    }

    /// <inheritdoc cref="IKvCache{TSpec}.MarkWritten"/>
    /// <exception cref="ArgumentOutOfRangeException">There is no such sequence.</exception>
    public void MarkWritten(SequenceHandle sequence) => Written.Begin(sequence.Index, GetLength(sequence));

    /// <summary>The keys of a layer as they lie in memory; see the spec's generated <c>CacheLayout</c>.</summary>
    public DeviceBuffer<byte> GetKeys(int layer) => keys[CheckedLayer(layer)];

    /// <summary>
    /// The values of a layer as they lie in memory, in a latent cache the keys; see the spec's generated <c>CacheLayout</c>.
    /// </summary>
    public DeviceBuffer<byte> GetValues(int layer) => values[CheckedLayer(layer)];

    /// <summary>The scales of a layer's keys, float32: laid out as the keys with one element a row, or one for each KV head.</summary>
    /// <exception cref="InvalidOperationException">The cache's element type has no scales.</exception>
    public DeviceBuffer<byte> GetKeyScales(int layer) =>
        headScales?.Keys(CheckedLayer(layer)) ?? TokenScales(keyScales, CheckedLayer(layer));

    /// <summary>The scales of a layer's values, float32: laid out as the values with one element a row, or one for each KV head.</summary>
    /// <exception cref="InvalidOperationException">The cache's element type has no scales.</exception>
    public DeviceBuffer<byte> GetValueScales(int layer) =>
        headScales?.Values(CheckedLayer(layer)) ?? TokenScales(valueScales, CheckedLayer(layer));

    /// <summary>
    /// Sets what a layer's stored keys and values are multiplied with, one factor for each KV head, where the element type has scales
    /// by head; they are 1 until then. The largest magnitude that can be stored is 448 × the scale. Set them before anything
    /// is stored: what is stored already changes with them. Waits for all commands of the queue.
    /// </summary>
    /// <param name="layer">The layer.</param>
    /// <param name="keyScales">H_kv factors between 1e-15 and 1e15.</param>
    /// <param name="valueScales">H_kv factors between 1e-15 and 1e15.</param>
    /// <exception cref="InvalidOperationException">The cache's element type has no scales by head.</exception>
    /// <exception cref="ArgumentException">There is not one scale for each KV head, or one is out of range.</exception>
    public void SetScales(int layer, ReadOnlySpan<float> keyScales, ReadOnlySpan<float> valueScales)
    {
        ThrowIfDisposed();
        HeadScales scales = headScales ?? throw new InvalidOperationException($"A cache in {Shape.CacheStorage} has no scales by KV head.");
        scales.Set(CheckedLayer(layer), keyScales, valueScales);
    }

    /// <summary>Frees the device memory.</summary>
    public void Dispose()
    {
        disposed = true;
        for (int layer = 0; layer < Layers; layer++)
        {
            keys[layer]?.Dispose();
            values[layer]?.Dispose();
        }

        for (int layer = 0; layer < keyScales.Length; layer++)
        {
            keyScales[layer]?.Dispose();
            valueScales[layer]?.Dispose();
        }

        headScales?.Dispose();
        GC.SuppressFinalize(this);
    }

    private DeviceBuffer<byte> TokenScales(DeviceBuffer<byte>[] scales, int layer) => scales.Length > 0
        ? scales[layer]
        : throw new InvalidOperationException(
            $"A cache in {Shape.CacheStorage} has no scales"
            + $"{(Shape.CacheScale == CacheScale.PerGroup ? " of its own: they lie in the rows" : "")}.");

    internal int IndexOf(SequenceHandle sequence) => Checked(sequence);

    internal long ChangedAt(SequenceHandle sequence) => changedAt[Checked(sequence)];

    internal void ThrowIfDisposed() => ObjectDisposedException.ThrowIf(disposed, this);

    private int Checked(SequenceHandle sequence) => Contains(sequence)
        ? sequence.Index
        : throw new ArgumentOutOfRangeException(
            nameof(sequence), sequence, "There is no such sequence here, or no longer: it was released.");

    private int CheckedLayer(int layer)
    {
        ThrowIfDisposed();
        return (uint)layer < (uint)keys.Length
            ? layer
            : throw new ArgumentOutOfRangeException(nameof(layer), layer, $"Expected a layer from 0 to {keys.Length - 1}.");
    }
}

/// <summary>The cache of one spec: another spec's kernels cannot be given it.</summary>
/// <typeparam name="TSpec">The type that carries the spec.</typeparam>
public sealed class KvCache<TSpec> : KvCache, IKvCache<TSpec>
{
    internal KvCache(ComputeDevice device, AttentionShape shape, int sequences, int capacity, int layers)
        : base(device, shape, sequences, capacity, layers)
    {
    }

    WrittenTokens IKvCache<TSpec>.Written => Written;

    long IKvCache<TSpec>.Changes => Changes;

    long IKvCache<TSpec>.ChangedAt(SequenceHandle sequence) => ChangedAt(sequence);

    int IKvCache<TSpec>.IndexOf(SequenceHandle sequence) => IndexOf(sequence);

    void IKvCache<TSpec>.ThrowIfDisposed() => ThrowIfDisposed();

    void IKvCache<TSpec>.ThrowIfSwappedOut(SequenceHandle sequence)
    {
        // It never is.
    }

    bool IKvCache<TSpec>.CanRewrite(SequenceHandle sequence, int position, ReadOnlySpan<int> slots) => true;

    void IKvCache<TSpec>.Plan(WorkPlan work, KernelGeometry geometry, ReadOnlySpan<AttentionRequest> requests) =>
        work.Build(Shape, geometry, Device.Capabilities.ComputeUnits, new ContiguousSlots(Capacity), requests);
}
