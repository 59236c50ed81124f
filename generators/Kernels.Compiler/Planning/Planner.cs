using Kernels.Compiler.Specs;

namespace Kernels.Compiler.Planning;

/// <summary>Chooses the tiles of a valid spec for a target.</summary>
internal static class Planner
{
    /// <summary>The targets that every spec is emitted for.</summary>
    public static readonly IReadOnlyList<KernelTarget> Targets = [KernelTarget.Portable, KernelTarget.Cpu];

    public static KernelPlan Plan(AttentionSpec spec, KernelTarget target) => target switch
    {
        KernelTarget.Portable => PortablePlanner.Plan(spec),
        KernelTarget.Cpu => CpuPlanner.Plan(spec),
        _ => throw new ArgumentOutOfRangeException(nameof(target), target, "No planner for this target."),
    };
}
