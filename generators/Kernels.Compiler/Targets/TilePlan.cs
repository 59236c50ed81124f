namespace Kernels.Compiler.Targets;

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

    /// <summary>The least power of two that is no less.</summary>
    public static int PowerOfTwoAtLeast(int value)
    {
        int power = 1;
        while (power < value)
        {
            power *= 2;
        }

        return power;
    }
}
