using Kernels.Compiler.Specs;

namespace Kernels.Compiler.Planning;

/// <summary>
/// Tiles for the cpu target: one work-item owns 16 query rows, one in each lane of a float16, and everything else is in
/// its private memory. No local memory, no barriers.
/// </summary>
internal static class CpuPlanner
{
    /// <summary>Lanes of the vectors that hold a value for each row.</summary>
    public const int Lanes = 16;

    public static KernelPlan Plan(AttentionSpec spec)
    {
        // Wide heads leave room in the first-level cache for fewer keys.
        int widest = Math.Max(spec.HeadDim, spec.ResolvedValueDim);
        var tile = new TilePlan(Lanes, Keys: widest <= 64 ? 128 : 64, ThreadsX: 1, ThreadsY: 1, LocalBytes: 0, GroupsPerUnit: 2);
        return new KernelPlan(KernelTarget.Cpu, Prefill: tile, Decode: tile, AppendWorkGroupSize: 1, CombineWorkGroupSize: 1);
    }

    /// <summary>Sums that are kept in registers at a time: more hide the latency of an addition, too many do not fit.</summary>
    public static int Accumulators(AttentionSpec spec) => Math.Max(spec.HeadDim, spec.ResolvedValueDim) <= 64 ? 16 : 8;
}
