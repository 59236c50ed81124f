namespace Kernels.Compiler.Targets;

/// <summary>The tiles and work-group sizes of a spec's kernels on one target.</summary>
internal sealed record KernelPlan(
    KernelTarget Target,
    TilePlan Prefill,
    TilePlan Decode,
    int AppendWorkGroupSize,
    int CombineWorkGroupSize)
{
    /// <summary>
    /// Other prefill tiles that the planner cannot tell from the first without trying: the same source is built for the n-th of
    /// them where VARIANT is n.
    /// </summary>
    public IReadOnlyList<TilePlan> PrefillVariants { get; init; } = [];
}
