using Kernels.Compiler.Specs;

namespace Kernels.Compiler.Planning;

/// <summary>Chooses the tiles of a valid spec for a target.</summary>
internal static class Planner
{
    /// <summary>The targets that a spec is emitted for: those that every spec has, and nvidia where tensor cores can do its arithmetic.</summary>
    public static IReadOnlyList<KernelTarget> TargetsOf(AttentionSpec spec) => NvidiaPlanner.Supports(spec)
        ? [KernelTarget.Portable, KernelTarget.Cpu, KernelTarget.Nvidia]
        : [KernelTarget.Portable, KernelTarget.Cpu];

    public static KernelPlan Plan(AttentionSpec spec, KernelTarget target) => target switch
    {
        KernelTarget.Portable => PortablePlanner.Plan(spec),
        KernelTarget.Cpu => CpuPlanner.Plan(spec),
        KernelTarget.Nvidia => NvidiaPlanner.Plan(spec),
        _ => throw new ArgumentOutOfRangeException(nameof(target), target, "No planner for this target."),
    };
}
