using Kernels.Compiler.Specs;

namespace Kernels.Compiler.Planning;

/// <summary>Chooses the tiles of a valid spec for a target.</summary>
internal static class Planner
{
    /// <summary>The targets that a spec is emitted for: those that every spec has, and nvidia and hopper where tensor cores can do its arithmetic.</summary>
    public static IReadOnlyList<KernelTarget> TargetsOf(AttentionSpec spec) =>
    [
        KernelTarget.Portable,
        KernelTarget.Cpu,
        .. NvidiaPlanner.Supports(spec) ? [KernelTarget.Nvidia] : Array.Empty<KernelTarget>(),
        .. HopperPlanner.Supports(spec) ? [KernelTarget.Hopper] : Array.Empty<KernelTarget>(),
    ];

    public static KernelPlan Plan(AttentionSpec spec, KernelTarget target) => target switch
    {
        KernelTarget.Portable => PortablePlanner.Plan(spec),
        KernelTarget.Cpu => CpuPlanner.Plan(spec),
        KernelTarget.Nvidia => NvidiaPlanner.Plan(spec),
        KernelTarget.Hopper => HopperPlanner.Plan(spec),
        _ => throw new ArgumentOutOfRangeException(nameof(target), target, "No planner for this target."),
    };
}
