using System.Runtime.InteropServices;

namespace Kernels.Planning;

/// <summary>
/// Rows of one sequence against a range of its keys: what one work-group for each KV head does. Kernels read it as thirteen ints.
/// </summary>
/// <param name="QueryBegin">Index of the sequence's first query token among the packed tokens.</param>
/// <param name="FirstRow">The item's first row in the sequence; row = token × group size + head in group.</param>
/// <param name="RowCount">Rows of the item, at most the tile's.</param>
/// <param name="Position">Key position of the sequence's first query token, s_k − s_q; can be negative.</param>
/// <param name="KvBegin">First key to read.</param>
/// <param name="KvEnd">One past the last key to read.</param>
/// <param name="Sequence">
/// Whose keys they are: the sequence in a contiguous cache, where its pages begin in the plan in a paged one.
/// </param>
/// <param name="PartialRow">
/// First row of the partial state to write; −1 when these are all the keys and the item writes the output itself.
/// </param>
/// <param name="Batch">Index of the request in the launch.</param>
/// <param name="Prefix">Keys at the beginning that every query sees, in a prefix-LM.</param>
/// <param name="KeyBegin">
/// Index of the sequence's first key among the keys of all requests, where the spec has documents; 0 elsewhere.
/// </param>
/// <param name="FirstPartialRow">Where the first of the item's splits, which the last of them merges, writes its partial state.</param>
/// <param name="Splits">
/// How many splits the last of them merges; 0 when there are none or <see cref="KernelAlgorithm.Combine"/> does.
/// </param>
[StructLayout(LayoutKind.Sequential)]
public readonly record struct WorkTile(
    int QueryBegin, int FirstRow, int RowCount, int Position, int KvBegin, int KvEnd, int Sequence,
    int PartialRow, int Batch, int Prefix, int KeyBegin, int FirstPartialRow = 0, int Splits = 0)
{
    /// <summary>Keys to read.</summary>
    public int KeyCount => KvEnd - KvBegin;
}
