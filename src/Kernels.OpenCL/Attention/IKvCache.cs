using Kernels.Planning;

namespace Kernels.OpenCL;

/// <summary>
/// The cache of one spec, contiguous or paged: another spec's kernels cannot be given it. Lengths are kept on the host;
/// the kernels fill in the contents.
/// </summary>
/// <typeparam name="TSpec">The type that carries the spec.</typeparam>
public interface IKvCache<TSpec> : IDisposable
{
    /// <summary>The device that the cache lives on.</summary>
    ComputeDevice Device { get; }

    /// <summary>Layers that the cache has room for.</summary>
    int Layers { get; }

    /// <summary>Bytes of device memory that the cache takes.</summary>
    long ByteLength { get; }

    /// <summary>Begins an empty sequence.</summary>
    /// <exception cref="CacheFullException">The cache has room for no more sequences.</exception>
    SequenceHandle AddSequence();

    /// <summary>
    /// Ends a sequence; its place and its memory are for others. Its handle, and plans that were built for it, no longer hold.
    /// </summary>
    void Release(SequenceHandle sequence);

    /// <summary>Whether the sequence is one of the cache's, and has not been released.</summary>
    bool Contains(SequenceHandle sequence);

    /// <summary>Tokens of a sequence, written or about to be written by the step that extended it.</summary>
    int GetLength(SequenceHandle sequence);

    /// <summary>
    /// Makes room for a sequence's next tokens; the step's <c>Append</c> writes them, layer by layer, before anything attends to them.
    /// </summary>
    /// <exception cref="CacheFullException">There is no room for them; nothing has changed.</exception>
    void Extend(SequenceHandle sequence, int tokens);

    /// <summary>
    /// Shortens a sequence to its first <paramref name="length"/> tokens. Plans that were built for it before no longer hold.
    /// </summary>
    void Truncate(SequenceHandle sequence, int length);

    /// <summary>
    /// Says that all layers hold all of a sequence's tokens: for those that were written into the buffers of <see cref="GetKeys"/> and
    /// <see cref="GetValues"/> by other means than <c>Append</c>.
    /// </summary>
    void MarkWritten(SequenceHandle sequence);

    /// <summary>The keys of a layer as they lie in memory.</summary>
    DeviceBuffer<byte> GetKeys(int layer);

    /// <summary>The values of a layer as they lie in memory.</summary>
    DeviceBuffer<byte> GetValues(int layer);

    /// <summary>The scales of a layer's keys, where the cache's element type has scales.</summary>
    DeviceBuffer<byte> GetKeyScales(int layer);

    /// <summary>The scales of a layer's values, where the cache's element type has scales.</summary>
    DeviceBuffer<byte> GetValueScales(int layer);

    /// <summary>Tokens that a sequence has room for in a contiguous cache; the kernels' addressing needs it.</summary>
    internal int Capacity { get; }

    /// <summary>What each layer holds of each sequence, by the sequences' indexes.</summary>
    internal WrittenTokens Written { get; }

    /// <summary>Counts what makes plans wrong that were built before; see <see cref="PagePool.Changes"/>.</summary>
    internal long Changes { get; }

    /// <summary>What <see cref="Changes"/> was when plans of a sequence were last made wrong; 0: never.</summary>
    internal long ChangedAt(SequenceHandle sequence);

    /// <summary>The place of a sequence.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no such sequence.</exception>
    internal int IndexOf(SequenceHandle sequence);

    /// <exception cref="ObjectDisposedException">The cache is disposed.</exception>
    internal void ThrowIfDisposed();

    /// <exception cref="InvalidOperationException">The sequence's tokens are not on the device.</exception>
    internal void ThrowIfSwappedOut(SequenceHandle sequence);

    /// <summary>Whether tokens that a layer holds can be written again: not where other sequences have them too.</summary>
    /// <param name="sequence">The sequence.</param>
    /// <param name="position">Position of the first.</param>
    /// <param name="slots">Where a plan writes them; −1: nowhere.</param>
    internal bool CanRewrite(SequenceHandle sequence, int position, ReadOnlySpan<int> slots);

    /// <summary>Plans a step on the cache's sequences.</summary>
    internal void Plan(WorkPlan work, KernelGeometry geometry, ReadOnlySpan<AttentionRequest> requests);
}
