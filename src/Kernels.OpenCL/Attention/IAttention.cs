namespace Kernels.OpenCL;

/// <summary>
/// What every generated attention type can do on a device; lets code be generic over them. Over device buffers <c>Enqueue…</c> returns an
/// event and does not wait, <c>Submit…</c> returns nothing and does not either; the methods over spans work on layer 0 and return when they
/// are done. The type itself has the same methods with the inputs that its spec has.
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

    /// <summary>
    /// Which of the emitted prefill tiles plans are built for, and why. The first plan with a prompt of 256 tokens or more may change it.
    /// </summary>
    TileChoice Tuning { get; }

    /// <summary>A plan, to be built anew for each step.</summary>
    AttentionPlan<TSelf> CreatePlan();

    /// <summary>
    /// Classifies the tiles of a step by the mask mod, on the device; does not wait. For all layers, and all steps of the same lengths.
    /// </summary>
    /// <exception cref="InvalidOperationException">The spec has no mask mod, or an input that it has was not given.</exception>
    BlockMask<TSelf> CreateBlockMask(AttentionPlan<TSelf> plan, AttentionInputs inputs = default);

    /// <summary>
    /// Enqueues the write of a step's new keys [tokens, H_kv, d_qk] and values [tokens, H_kv, d_v] into a layer: in order, and before
    /// anything attends to them there. A step that is appended again writes its tokens again. Of the inputs it takes
    /// <see cref="AttentionInputs.Rope"/>.
    /// </summary>
    /// <exception cref="InvalidOperationException">
    /// Tokens before these have not been appended to the layer, a sequence was truncated, released or swapped out after the plan was built,
    /// or an
    /// input that the spec has was not given.
    /// </exception>
    /// <exception cref="ArgumentException">The spec has no such input, or one is too small.</exception>
    ComputeEvent EnqueueAppend(
        AttentionPlan<TSelf> plan, IKvCache<TSelf> cache, int layer,
        DeviceBuffer<TElement> keys, DeviceBuffer<TElement> values, AttentionInputs inputs = default);

    /// <summary>As <see cref="EnqueueAppend"/>, without an event: the cheapest way, for a step whose end nobody waits for.</summary>
    /// <inheritdoc cref="EnqueueAppend" path="/exception"/>
    void SubmitAppend(
        AttentionPlan<TSelf> plan, IKvCache<TSelf> cache, int layer,
        DeviceBuffer<TElement> keys, DeviceBuffer<TElement> values, AttentionInputs inputs = default);

    /// <summary>
    /// Enqueues a step's attention over keys that the layer has: queries [tokens, H_q, d_qk], outputs [tokens, H_q, d_v], natural-log LSE
    /// [tokens, H_q] if wanted.
    /// </summary>
    /// <exception cref="InvalidOperationException">
    /// Keys of the step have not been appended to the layer, a sequence was truncated, released or swapped out after the plan was built, or
    /// an
    /// input that the spec has was not given.
    /// </exception>
    /// <exception cref="ArgumentException">The spec has no such input, or one is too small.</exception>
    ComputeEvent EnqueueAttend(
        AttentionPlan<TSelf> plan, IKvCache<TSelf> cache, int layer,
        DeviceBuffer<TElement> queries, DeviceBuffer<TElement> outputs, AttentionInputs inputs = default, DeviceBuffer<float>? lse = null);

    /// <summary>As <see cref="EnqueueAttend"/>, without an event: the cheapest way, for a step whose end nobody waits for.</summary>
    /// <inheritdoc cref="EnqueueAttend" path="/exception"/>
    void SubmitAttend(
        AttentionPlan<TSelf> plan, IKvCache<TSelf> cache, int layer,
        DeviceBuffer<TElement> queries, DeviceBuffer<TElement> outputs, AttentionInputs inputs = default, DeviceBuffer<float>? lse = null);

    /// <summary>
    /// Enqueues the merge of what launches over different keys gave for the same queries into one: outputs [tokens, H_q, d_v] and LSEs
    /// [tokens, H_q], not in the memory of the states'. Of the inputs it takes <see cref="AttentionInputs.Sinks"/>.
    /// </summary>
    /// <exception cref="InvalidOperationException">The sinks were not given, of a spec that has them.</exception>
    /// <exception cref="ArgumentException">A buffer is too small, or the same as another, or the spec has no such input.</exception>
    ComputeEvent EnqueueMergeStates(
        AttentionStates<TElement> states, DeviceBuffer<TElement> outputs, DeviceBuffer<float> lse, AttentionInputs inputs = default);

    /// <summary>Appends tokens to one sequence: keys [tokens, H_kv, d_qk], values [tokens, H_kv, d_v].</summary>
    void Append(
        IKvCache<TSelf> cache, SequenceHandle sequence,
        ReadOnlySpan<TElement> keys, ReadOnlySpan<TElement> values, AttentionInputs inputs = default);

    /// <summary>Attention of one sequence's queries [tokens, H_q, d_qk] over its cache; outputs [tokens, H_q, d_v].</summary>
    void Attend(
        IKvCache<TSelf> cache, SequenceHandle sequence,
        ReadOnlySpan<TElement> queries, Span<TElement> outputs, AttentionInputs inputs = default);

    /// <summary>Appends a prompt to one sequence and runs its queries.</summary>
    void Prefill(
        IKvCache<TSelf> cache, SequenceHandle sequence,
        ReadOnlySpan<TElement> queries, ReadOnlySpan<TElement> keys, ReadOnlySpan<TElement> values,
        Span<TElement> outputs, AttentionInputs inputs = default);

    /// <summary>Appends one token to each of several sequences and runs its query.</summary>
    /// <exception cref="ArgumentException">A sequence occurs twice; nothing has changed.</exception>
    void Decode(
        IKvCache<TSelf> cache, ReadOnlySpan<SequenceHandle> sequences,
        ReadOnlySpan<TElement> queries, ReadOnlySpan<TElement> keys, ReadOnlySpan<TElement> values,
        Span<TElement> outputs, AttentionInputs inputs = default);
}
