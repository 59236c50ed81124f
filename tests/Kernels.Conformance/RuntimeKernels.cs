using Kernels.OpenCL;

namespace Kernels.Conformance;

/// <summary>A spec made at run time.</summary>
internal sealed class RuntimeKernels<T>(ComputeDevice device, AttentionDescriptor descriptor, KernelTarget? target, int? variant = null)
    : KernelsUnderTest<RuntimeSpec, T>
    where T : unmanaged
{
    private readonly AttentionLauncher<RuntimeSpec, T> launcher = new(device, descriptor, target, variant);

    public override ComputeDevice Device => launcher.Device;

    public TileChoice Tuning => launcher.Tuning;

    /// <summary>The most rows of a request that the decode kernel takes.</summary>
    public int DecodeRows => descriptor.Geometry(launcher.Target).Decode.Rows;

    public override IKvCache<RuntimeSpec> CreateContiguousCache(int sequences, int capacity) =>
        launcher.CreateCache(sequences, capacity, 1);

    public override PagedKvCache<RuntimeSpec> CreatePagedCache(int pages) => launcher.CreatePagedCache(pages, 1);

    public override AttentionPlan<RuntimeSpec> CreatePlan() => launcher.CreatePlan();

    public override ComputeEvent Append(
        AttentionPlan<RuntimeSpec> plan, IKvCache<RuntimeSpec> cache, DeviceBuffer<T> keys, DeviceBuffer<T> values) =>
        launcher.EnqueueAppend(plan, cache, 0, keys, values, Inputs);

    public override ComputeEvent Attend(
        AttentionPlan<RuntimeSpec> plan, IKvCache<RuntimeSpec> cache, DeviceBuffer<T> queries, DeviceBuffer<T> outputs,
        DeviceBuffer<float> lse) =>
        launcher.EnqueueAttend(plan, cache, 0, queries, outputs, Inputs with { BlockMask = BlockMask }, lse);

    public override BlockMask<RuntimeSpec> CreateBlockMask(AttentionPlan<RuntimeSpec> plan) => launcher.CreateBlockMask(plan, Inputs);

    public override void Dispose() => launcher.Dispose();
}
