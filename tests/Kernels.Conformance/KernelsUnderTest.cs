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
