using Kernels.OpenCL;

namespace Kernels.Conformance;

/// <summary>The kernels of one spec as a case runs them: through a launcher, or through the bindings of a generated type.</summary>
/// <typeparam name="TSpec">The type that carries the spec.</typeparam>
/// <typeparam name="T">The host type of the spec's storage.</typeparam>
internal abstract class KernelsUnderTest<TSpec, T> : IDisposable
    where T : unmanaged
{
    public abstract ComputeDevice Device { get; }

    /// <summary>What launches are given from now on.</summary>
    public AttentionInputs Inputs { get; private set; }

    /// <summary>The block mask that launches are given.</summary>
    public BlockMask<TSpec>? BlockMask { get; set; }

    /// <summary>Gives launches from now on what the options of the kernels take.</summary>
    public void Set(AttentionInputs inputs) => Inputs = Complete(inputs);

    public abstract IKvCache<TSpec> CreateContiguousCache(int sequences, int capacity);

    public abstract PagedKvCache<TSpec> CreatePagedCache(int pages);

    public abstract AttentionPlan<TSpec> CreatePlan();

    public abstract ComputeEvent Append(AttentionPlan<TSpec> plan, IKvCache<TSpec> cache, DeviceBuffer<T> keys, DeviceBuffer<T> values);

    public abstract ComputeEvent Attend(
        AttentionPlan<TSpec> plan, IKvCache<TSpec> cache, DeviceBuffer<T> queries, DeviceBuffer<T> outputs, DeviceBuffer<float> lse);

    public abstract BlockMask<TSpec> CreateBlockMask(AttentionPlan<TSpec> plan);

    public abstract void Dispose();

    /// <summary>What launches are given for the inputs of the options.</summary>
    protected virtual AttentionInputs Complete(AttentionInputs inputs) => inputs;
}

/// <summary>A spec made at run time.</summary>
internal sealed class RuntimeKernels<T>(ComputeDevice device, AttentionDescriptor descriptor, KernelTarget? target, int? variant = null) : KernelsUnderTest<RuntimeSpec, T>
    where T : unmanaged
{
    private readonly AttentionLauncher<RuntimeSpec, T> launcher = new(device, descriptor, target, variant);

    public override ComputeDevice Device => launcher.Device;

    public TileChoice Tuning => launcher.Tuning;

    /// <summary>The most rows of a request that the decode kernel takes.</summary>
    public int DecodeRows => descriptor.Geometry(launcher.Target).Decode.Rows;

    public override IKvCache<RuntimeSpec> CreateContiguousCache(int sequences, int capacity) => launcher.CreateCache(sequences, capacity, 1);

    public override PagedKvCache<RuntimeSpec> CreatePagedCache(int pages) => launcher.CreatePagedCache(pages, 1);

    public override AttentionPlan<RuntimeSpec> CreatePlan() => launcher.CreatePlan();

    public override ComputeEvent Append(
        AttentionPlan<RuntimeSpec> plan, IKvCache<RuntimeSpec> cache, DeviceBuffer<T> keys, DeviceBuffer<T> values) =>
        launcher.EnqueueAppend(plan, cache, 0, keys, values, Inputs);

    public override ComputeEvent Attend(
        AttentionPlan<RuntimeSpec> plan, IKvCache<RuntimeSpec> cache, DeviceBuffer<T> queries, DeviceBuffer<T> outputs, DeviceBuffer<float> lse) =>
        launcher.EnqueueAttend(plan, cache, 0, queries, outputs, Inputs with { BlockMask = BlockMask }, lse);

    public override BlockMask<RuntimeSpec> CreateBlockMask(AttentionPlan<RuntimeSpec> plan) => launcher.CreateBlockMask(plan, Inputs);

    public override void Dispose() => launcher.Dispose();
}

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
    /// <param name="inputs">Its own <c>Inputs</c> with what the options of its shape are given, where its mods have inputs; null: only the options have.</param>
    /// <param name="masks">Makes a block mask for each launch; null: those that are asked for have <see cref="KernelsUnderTest{TSpec, T}.BlockMask"/>.</param>
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

/// <summary>Makes <see cref="GeneratedKernels{TSelf, T}"/> of an instance, by the interface that it has.</summary>
internal static class GeneratedKernels
{
    public static GeneratedKernels<TSelf, T> Contiguous<TSelf, T>(
        TSelf attention, Func<AttentionInputs, AttentionInputs>? inputs = null, Func<AttentionPlan<TSelf>, BlockMask<TSelf>>? masks = null)
        where TSelf : IContiguousAttention<TSelf, T>
        where T : unmanaged => new(attention, contiguous: (sequences, capacity) => attention.CreateCache(sequences, capacity), inputs: inputs, masks: masks);

    public static GeneratedKernels<TSelf, T> Paged<TSelf, T>(
        TSelf attention, Func<AttentionInputs, AttentionInputs>? inputs = null, Func<AttentionPlan<TSelf>, BlockMask<TSelf>>? masks = null)
        where TSelf : IPagedAttention<TSelf, T>
        where T : unmanaged => new(attention, paged: pages => attention.CreateCache(pages), inputs: inputs, masks: masks);
}
