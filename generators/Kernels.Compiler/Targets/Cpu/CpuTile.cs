namespace Kernels.Compiler.Targets.Cpu;

/// <summary>A tile whose lanes are query rows.</summary>
/// <param name="RowVectors">Vectors that the rows make: an element of a key or value that has been read is used for each.</param>
/// <param name="AtOnce">
/// Keys, and later columns of the output, whose sums are in registers at a time: more hide the latency of an addition, too many do not fit.
/// </param>
/// <param name="Keys">Keys that are read at a time.</param>
internal sealed record CpuTile(int RowVectors, int AtOnce, int Keys)
    : TilePlan(RowVectors * CpuPlanner.Lanes, Keys, ThreadsX: 1, ThreadsY: 1, LocalBytes: 0, GroupsPerUnit: 2);
