using Kernels.OpenCL;

namespace Kernels.Conformance;

/// <summary>A type that the generator wrote, called as a user calls it.</summary>
internal sealed class GeneratedKernels<TSelf, T> : KernelsUnderTest<TSelf, T>
    where TSelf : IAttention<TSelf, T>
    where T : unmanaged
{
    private readonly Func<AttentionInputs, AttentionInputs>? inputs;
    private readonly Func<int, int, KvCache<TSelf>>? contiguous;
    private readonly Func<int, PagedKvCache<TSelf>>? paged;
    private readonly Func<AttentionPlan<TSelf>, BlockMask<TSelf>>? masks;

    /// <param name="attention">The instance.</param>
    /// <param name="contiguous">Its <c>CreateCache</c>, where its cache is contiguous.</param>
    /// <param name="paged">Its <c>CreateCache</c>, where its cache is paged.</param>
    /// <param name="inputs">
    /// Its own <c>Inputs</c> with what the options of its shape are given, where its mods have inputs; null: only the options have.
    /// </param>
    /// <param name="masks">
    /// Makes a block mask for each launch; null: those that are asked for have <see cref="KernelsUnderTest{TSpec, T}.BlockMask"/>.
    /// </param>
    public GeneratedKernels(
        TSelf attention, Func<int, int, KvCache<TSelf>>? contiguous = null, Func<int, PagedKvCache<TSelf>>? paged = null,
        Func<AttentionInputs, AttentionInputs>? inputs = null, Func<AttentionPlan<TSelf>, BlockMask<TSelf>>? masks = null)
    {
        Attention = attention;
        this.contiguous = contiguous;
        this.paged = paged;
        this.inputs = inputs;
        this.masks = masks;
    }

    public TSelf Attention { get; }

    public override ComputeDevice Device => Attention.Device;

    /// <summary>Rows whose keys were split in the launches so far.</summary>
    public int MergedRows { get; private set; }

    public override IKvCache<TSelf> CreateContiguousCache(int sequences, int capacity) => contiguous!(sequences, capacity);

    public override PagedKvCache<TSelf> CreatePagedCache(int pages) => paged!(pages);

    public override AttentionPlan<TSelf> CreatePlan() => Attention.CreatePlan();

    public override ComputeEvent Append(AttentionPlan<TSelf> plan, IKvCache<TSelf> cache, DeviceBuffer<T> keys, DeviceBuffer<T> values) =>
        Attention.EnqueueAppend(plan, cache, 0, keys, values, Inputs);

    public override ComputeEvent Attend(
        AttentionPlan<TSelf> plan, IKvCache<TSelf> cache, DeviceBuffer<T> queries, DeviceBuffer<T> outputs, DeviceBuffer<float> lse)
    {
        MergedRows += plan.Work.Merges.Count;
        using BlockMask<TSelf>? own = masks?.Invoke(plan);
        return Attention.EnqueueAttend(plan, cache, 0, queries, outputs, Inputs with { BlockMask = own ?? BlockMask }, lse);
    }

    public override BlockMask<TSelf> CreateBlockMask(AttentionPlan<TSelf> plan) => Attention.CreateBlockMask(plan, Inputs);

    public override void Dispose() => Attention.Dispose();

    protected override AttentionInputs Complete(AttentionInputs inputs) => this.inputs?.Invoke(inputs) ?? inputs;
}
