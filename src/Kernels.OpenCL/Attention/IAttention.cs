namespace Kernels.OpenCL;

/// <summary>
/// What every generated attention type can do on a device; lets code be generic over them. The methods on device buffers
/// enqueue and return at once; those on spans work on layer 0 and return when they are done.
/// </summary>
/// <typeparam name="TSelf">The type that carries the spec.</typeparam>
/// <typeparam name="TElement">The host type of queries, new keys and values, and outputs.</typeparam>
public interface IAttention<TSelf, TElement> : IAttentionSpec<TSelf>, IDisposable
    where TSelf : IAttention<TSelf, TElement>
    where TElement : unmanaged
{
    /// <summary>Prepares the kernels for a device.</summary>
    static abstract TSelf Create(ComputeDevice device);

    /// <summary>The device that the kernels run on.</summary>
    ComputeDevice Device { get; }

    /// <summary>The target whose kernels run.</summary>
    KernelTarget Target { get; }

    /// <summary>Why these are the kernels that run.</summary>
    string TargetReason { get; }

    /// <summary>Which of the emitted prefill tiles plans are built for, and why. The first plan with a prompt of 256 tokens or more may change it.</summary>
    TileChoice Tuning { get; }

    /// <summary>A plan, to be built anew for each step.</summary>
    AttentionPlan<TSelf> CreatePlan();

    /// <summary>
    /// Enqueues the write of a step's new keys [tokens, H_kv, d_qk] and values [tokens, H_kv, d_v] into a layer: in order, and before anything
    /// attends to them there. A step that is appended again writes its tokens again.
    /// </summary>
    /// <exception cref="InvalidOperationException">
    /// Tokens before these have not been appended to the layer, or a sequence was truncated, released or swapped out after the plan was built.
    /// </exception>
    ComputeEvent Append(AttentionPlan<TSelf> plan, IKvCache<TSelf> cache, int layer, DeviceBuffer<TElement> keys, DeviceBuffer<TElement> values);

    /// <summary>As <see cref="Append(AttentionPlan{TSelf}, IKvCache{TSelf}, int, DeviceBuffer{TElement}, DeviceBuffer{TElement})"/>, without an event: the cheapest way, for a step whose end nobody waits for.</summary>
    void SubmitAppend(AttentionPlan<TSelf> plan, IKvCache<TSelf> cache, int layer, DeviceBuffer<TElement> keys, DeviceBuffer<TElement> values);

    /// <summary>Enqueues a step's attention over keys that the layer has: queries [tokens, H_q, d_qk], outputs [tokens, H_q, d_v], natural-log LSE [tokens, H_q] if wanted.</summary>
    /// <exception cref="InvalidOperationException">
    /// Keys of the step have not been appended to the layer, or a sequence was truncated, released or swapped out after the plan was built.
    /// </exception>
    ComputeEvent Attend(
        AttentionPlan<TSelf> plan, IKvCache<TSelf> cache, int layer,
        DeviceBuffer<TElement> queries, DeviceBuffer<TElement> outputs, DeviceBuffer<float>? lse = null);

    /// <summary>As <see cref="Attend(AttentionPlan{TSelf}, IKvCache{TSelf}, int, DeviceBuffer{TElement}, DeviceBuffer{TElement}, DeviceBuffer{float})"/>, without an event: the cheapest way, for a step whose end nobody waits for.</summary>
    void SubmitAttend(
        AttentionPlan<TSelf> plan, IKvCache<TSelf> cache, int layer,
        DeviceBuffer<TElement> queries, DeviceBuffer<TElement> outputs, DeviceBuffer<float>? lse = null);

    /// <summary>
    /// Enqueues the merge of what launches over different keys gave for the same queries: outputs [states, tokens, H_q, d_v] and
    /// LSEs [states, tokens, H_q] become [tokens, H_q, d_v] and [tokens, H_q].
    /// </summary>
    ComputeEvent MergeStates(
        int states, int tokens, DeviceBuffer<TElement> outputs, DeviceBuffer<float> lse, DeviceBuffer<TElement> merged, DeviceBuffer<float> mergedLse);

    /// <summary>Appends tokens to one sequence: keys [tokens, H_kv, d_qk], values [tokens, H_kv, d_v].</summary>
    void Append(IKvCache<TSelf> cache, int sequence, ReadOnlySpan<TElement> keys, ReadOnlySpan<TElement> values);

    /// <summary>Attention of one sequence's queries [tokens, H_q, d_qk] over its cache; outputs [tokens, H_q, d_v].</summary>
    void Attend(IKvCache<TSelf> cache, int sequence, ReadOnlySpan<TElement> queries, Span<TElement> outputs);

    /// <summary>Appends a prompt to one sequence and runs its queries.</summary>
    void Prefill(
        IKvCache<TSelf> cache, int sequence,
        ReadOnlySpan<TElement> queries, ReadOnlySpan<TElement> keys, ReadOnlySpan<TElement> values, Span<TElement> outputs);

    /// <summary>Appends one token to each of several sequences and runs its query.</summary>
    /// <exception cref="ArgumentException">A sequence occurs twice; nothing has changed.</exception>
    void Decode(
        IKvCache<TSelf> cache, ReadOnlySpan<int> sequences,
        ReadOnlySpan<TElement> queries, ReadOnlySpan<TElement> keys, ReadOnlySpan<TElement> values, Span<TElement> outputs);
}

/// <summary>An attention type whose cache is contiguous: every sequence has room for the same number of tokens.</summary>
/// <typeparam name="TSelf">The type that carries the spec.</typeparam>
/// <typeparam name="TElement">The host type of queries, new keys and values, and outputs.</typeparam>
public interface IContiguousAttention<TSelf, TElement> : IAttention<TSelf, TElement>
    where TSelf : IContiguousAttention<TSelf, TElement>
    where TElement : unmanaged
{
    /// <summary>A cache for <paramref name="sequences"/> sequences of up to <paramref name="capacity"/> tokens over <paramref name="layers"/> layers.</summary>
    KvCache<TSelf> CreateCache(int sequences, int capacity, int layers = 1);
}

/// <summary>An attention type whose cache is paged: sequences take pages as they grow, share them and give them back.</summary>
/// <typeparam name="TSelf">The type that carries the spec.</typeparam>
/// <typeparam name="TElement">The host type of queries, new keys and values, and outputs.</typeparam>
public interface IPagedAttention<TSelf, TElement> : IAttention<TSelf, TElement>
    where TSelf : IPagedAttention<TSelf, TElement>
    where TElement : unmanaged
{
    /// <summary>A cache of <paramref name="pages"/> pages over <paramref name="layers"/> layers.</summary>
    PagedKvCache<TSelf> CreateCache(int pages, int layers = 1);
}

/// <summary>An attention type of a spec with rope.</summary>
public interface IRopeAttention
{
    /// <summary>A <see cref="RopeTable"/> of the spec's rotary dimension on the device; the next launches take it, those of append too.</summary>
    DeviceRopeTable? Rope { get; set; }
}

/// <summary>An attention type of a spec with sinks.</summary>
public interface ISinkAttention
{
    /// <summary>The learned logit of each query head, [H_q]; the next launches take it. Layers differ in theirs: set it before each.</summary>
    DeviceBuffer<float>? Sinks { get; set; }
}
