using Kernels.OpenCL;

namespace Kernels.Conformance;

/// <summary>The kernels of one spec as a case runs them: through a launcher, or through the bindings of a generated type.</summary>
/// <typeparam name="TSpec">The type that carries the spec.</typeparam>
/// <typeparam name="T">The host type of the spec's storage.</typeparam>
internal abstract class KernelsUnderTest<TSpec, T> : IDisposable
    where T : unmanaged
{
    public abstract ComputeDevice Device { get; }

    /// <summary>Gives the kernels what their options take.</summary>
    public abstract void Set(DeviceInputs inputs);

    public abstract IKvCache<TSpec> CreateContiguousCache(int sequences, int capacity);

    public abstract PagedKvCache<TSpec> CreatePagedCache(int pages);

    public abstract AttentionPlan<TSpec> CreatePlan();

    public abstract ComputeEvent Append(AttentionPlan<TSpec> plan, IKvCache<TSpec> cache, DeviceBuffer<T> keys, DeviceBuffer<T> values);

    public abstract ComputeEvent Attend(
        AttentionPlan<TSpec> plan, IKvCache<TSpec> cache, DeviceBuffer<T> queries, DeviceBuffer<T> outputs, DeviceBuffer<float> lse);

    public abstract void Dispose();
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

    public override void Set(DeviceInputs inputs)
    {
        launcher.Sinks = inputs.Sinks;
        launcher.Documents = inputs.Documents;
        launcher.KeyPadding = inputs.KeyPadding;
        launcher.Bias = inputs.Bias;
        launcher.Rope = inputs.Rope;
    }

    public override IKvCache<RuntimeSpec> CreateContiguousCache(int sequences, int capacity) => launcher.CreateCache(sequences, capacity, 1);

    public override PagedKvCache<RuntimeSpec> CreatePagedCache(int pages) => launcher.CreatePagedCache(pages, 1);

    public override AttentionPlan<RuntimeSpec> CreatePlan() => launcher.CreatePlan();

    public override ComputeEvent Append(
        AttentionPlan<RuntimeSpec> plan, IKvCache<RuntimeSpec> cache, DeviceBuffer<T> keys, DeviceBuffer<T> values) =>
        launcher.Append(plan, cache, 0, keys, values);

    public override ComputeEvent Attend(
        AttentionPlan<RuntimeSpec> plan, IKvCache<RuntimeSpec> cache, DeviceBuffer<T> queries, DeviceBuffer<T> outputs, DeviceBuffer<float> lse) =>
        launcher.Attend(plan, cache, 0, queries, outputs, lse);

    public override void Dispose() => launcher.Dispose();
}

/// <summary>A type that the generator wrote, called as a user calls it.</summary>
internal sealed class GeneratedKernels<TSelf, T> : KernelsUnderTest<TSelf, T>
    where TSelf : IAttention<TSelf, T>
    where T : unmanaged
{
    private readonly Action<DeviceInputs>? set;
    private readonly Func<int, int, KvCache<TSelf>>? contiguous;
    private readonly Func<int, PagedKvCache<TSelf>>? paged;
    private readonly Action<AttentionPlan<TSelf>>? prepare;

    /// <param name="attention">The instance, with the inputs of its mods set.</param>
    /// <param name="contiguous">Its <c>CreateCache</c>, where its cache is contiguous.</param>
    /// <param name="paged">Its <c>CreateCache</c>, where its cache is paged.</param>
    /// <param name="set">Sets the properties that its options come with, where it has any.</param>
    /// <param name="prepare">Called with its plan before each launch.</param>
    public GeneratedKernels(
        TSelf attention, Func<int, int, KvCache<TSelf>>? contiguous = null, Func<int, PagedKvCache<TSelf>>? paged = null,
        Action<DeviceInputs>? set = null, Action<AttentionPlan<TSelf>>? prepare = null)
    {
        Attention = attention;
        this.contiguous = contiguous;
        this.paged = paged;
        this.set = set;
        this.prepare = prepare;
    }

    public TSelf Attention { get; }

    public override ComputeDevice Device => Attention.Device;

    /// <summary>Rows whose keys were split in the launches so far.</summary>
    public int MergedRows { get; private set; }

    public override void Set(DeviceInputs inputs) => set?.Invoke(inputs);

    public override IKvCache<TSelf> CreateContiguousCache(int sequences, int capacity) => contiguous!(sequences, capacity);

    public override PagedKvCache<TSelf> CreatePagedCache(int pages) => paged!(pages);

    public override AttentionPlan<TSelf> CreatePlan() => Attention.CreatePlan();

    public override ComputeEvent Append(AttentionPlan<TSelf> plan, IKvCache<TSelf> cache, DeviceBuffer<T> keys, DeviceBuffer<T> values) =>
        Attention.Append(plan, cache, 0, keys, values);

    public override ComputeEvent Attend(
        AttentionPlan<TSelf> plan, IKvCache<TSelf> cache, DeviceBuffer<T> queries, DeviceBuffer<T> outputs, DeviceBuffer<float> lse)
    {
        prepare?.Invoke(plan);
        MergedRows += plan.Work.Merges.Count;
        return Attention.Attend(plan, cache, 0, queries, outputs, lse);
    }

    public override void Dispose() => Attention.Dispose();
}

/// <summary>Makes <see cref="GeneratedKernels{TSelf, T}"/> of an instance, by the interface that it has.</summary>
internal static class GeneratedKernels
{
    public static GeneratedKernels<TSelf, T> Contiguous<TSelf, T>(TSelf attention, Action<DeviceInputs>? set = null, Action<AttentionPlan<TSelf>>? prepare = null)
        where TSelf : IContiguousAttention<TSelf, T>
        where T : unmanaged => new(attention, contiguous: (sequences, capacity) => attention.CreateCache(sequences, capacity), set: set, prepare: prepare);

    public static GeneratedKernels<TSelf, T> Paged<TSelf, T>(TSelf attention, Action<DeviceInputs>? set = null, Action<AttentionPlan<TSelf>>? prepare = null)
        where TSelf : IPagedAttention<TSelf, T>
        where T : unmanaged => new(attention, paged: pages => attention.CreateCache(pages), set: set, prepare: prepare);
}
