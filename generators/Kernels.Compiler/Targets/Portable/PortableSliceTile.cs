namespace Kernels.Compiler.Targets.Portable;

/// <summary>
/// A prefill tile whose keys are in local memory a slice of their elements at a time, and whose values a few keys at a time: what
/// is there at once is small, so that each work-item can have many scores and outputs.
/// </summary>
/// <param name="Stage">Keys whose values are in local memory at a time.</param>
internal sealed record PortableSliceTile(int Rows, int Keys, int Stage, int LocalBytes, int GroupsPerUnit)
    : TilePlan(Rows, Keys, PortablePlanner.SliceThreads, PortablePlanner.SliceThreads, LocalBytes, GroupsPerUnit);
