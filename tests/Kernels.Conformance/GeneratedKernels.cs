using Kernels.OpenCL;

namespace Kernels.Conformance;

/// <summary>Makes <see cref="GeneratedKernels{TSelf, T}"/> of an instance, by the interface that it has.</summary>
internal static class GeneratedKernels
{
    public static GeneratedKernels<TSelf, T> Contiguous<TSelf, T>(
        TSelf attention, Func<AttentionInputs, AttentionInputs>? inputs = null, Func<AttentionPlan<TSelf>, BlockMask<TSelf>>? masks = null)
        where TSelf : IContiguousAttention<TSelf, T>
        where T : unmanaged =>
        new(attention, contiguous: (sequences, capacity) => attention.CreateCache(sequences, capacity), inputs: inputs, masks: masks);

    public static GeneratedKernels<TSelf, T> Paged<TSelf, T>(
        TSelf attention, Func<AttentionInputs, AttentionInputs>? inputs = null, Func<AttentionPlan<TSelf>, BlockMask<TSelf>>? masks = null)
        where TSelf : IPagedAttention<TSelf, T>
        where T : unmanaged => new(attention, paged: pages => attention.CreateCache(pages), inputs: inputs, masks: masks);
}
