using System.Runtime.InteropServices;

namespace Kernels.Planning;

/// <summary>
/// One row whose keys were split: the partial states that <see cref="KernelAlgorithm.Combine"/> merges. Kernels read it as four ints.
/// </summary>
/// <param name="OutputRow">Row of the output, token × H_q + head in group, for KV head 0.</param>
/// <param name="FirstPartialRow">Partial row of the first split.</param>
/// <param name="Splits">Number of splits.</param>
/// <param name="Stride">Partial rows from one split to the next.</param>
[StructLayout(LayoutKind.Sequential)]
public readonly record struct MergeRow(int OutputRow, int FirstPartialRow, int Splits, int Stride);
