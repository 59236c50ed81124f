namespace Kernels.Compiler.Planning;

/// <summary>How one work-group of a flash kernel shares out a tile of query rows and keys over its work-items.</summary>
/// <param name="Rows">Query rows of a tile.</param>
/// <param name="Keys">Keys that are read at a time.</param>
/// <param name="ThreadsX">Work-items along the keys, and along the columns of the output.</param>
/// <param name="ThreadsY">Work-items along the query rows.</param>
/// <param name="LocalBytes">Bytes of local memory of a work-group.</param>
/// <param name="GroupsPerUnit">Work-groups that a compute unit runs side by side, as far as the planner can tell.</param>
internal record TilePlan(int Rows, int Keys, int ThreadsX, int ThreadsY, int LocalBytes, int GroupsPerUnit)
{
    /// <summary>KV heads whose rows a work-group has, one head after the other in each tile of keys.</summary>
    public int KvHeads { get; init; } = 1;

    public int WorkGroupSize => ThreadsX * ThreadsY;

    /// <summary>Whether the last work-group of an item's splits merges them.</summary>
    public virtual bool MergesSplits => false;
}

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
