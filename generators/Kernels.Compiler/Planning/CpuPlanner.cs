using Kernels.Compiler.Specs;

namespace Kernels.Compiler.Planning;

/// <summary>
/// Tiles for the cpu target: one work-item owns a tile, and everything that it keeps is in its private memory. No local
/// memory, no barriers.
/// </summary>
internal static class CpuPlanner
{
    /// <summary>Lanes of the vectors.</summary>
    public const int Lanes = 16;

    // More rows than this keep the lanes full as rows; they need no sums over lanes.
    private const int MostDecodeRows = 8;

    public static KernelPlan Plan(AttentionSpec spec)
    {
        // Wide heads leave room in the first-level cache for fewer keys.
        int widest = Math.Max(spec.HeadDim, spec.ResolvedValueDim);
        var prefill = new TilePlan(Lanes, Keys: widest <= 64 ? 128 : widest <= 256 ? 64 : 32, ThreadsX: 1, ThreadsY: 1, LocalBytes: 0, GroupsPerUnit: 2);
        int rows = PortablePlanner.PowerOfTwoAtLeast(spec.GroupSize);
        TilePlan decode = rows > MostDecodeRows ? prefill : prefill with { Rows = rows, Keys = rows == 1 ? 64 : 32 };
        return new KernelPlan(KernelTarget.Cpu, prefill, decode, AppendWorkGroupSize: 1, CombineWorkGroupSize: 1);
    }

    /// <summary>Sums that are kept in registers at a time: more hide the latency of an addition, too many do not fit.</summary>
    public static int Accumulators(AttentionSpec spec) => Math.Max(spec.HeadDim, spec.ResolvedValueDim) <= 64 ? 16 : 8;
}
