namespace Kernels;

/// <summary>The tile that one work-group of a flash kernel works on.</summary>
/// <param name="Rows">Query rows of a tile; a row is one (token, query head) pair of a KV head's group.</param>
/// <param name="Keys">Keys that are read at a time.</param>
/// <param name="WorkGroupSize">Work-items of a work-group.</param>
/// <param name="LocalBytes">Bytes of local memory that a work-group takes.</param>
/// <param name="GroupsPerUnit">Work-groups that a compute unit runs side by side; work is split to fill them.</param>
/// <param name="MergesSplits">
/// Whether the last work-group of an item's splits merges them; otherwise <see cref="KernelAlgorithm.Combine"/> does.
/// </param>
/// <param name="KvHeads">KV heads that a work-group works on; a divisor of the spec's.</param>
public sealed record TileGeometry(
    int Rows, int Keys, int WorkGroupSize, int LocalBytes, int GroupsPerUnit = 2, bool MergesSplits = false, int KvHeads = 1);
