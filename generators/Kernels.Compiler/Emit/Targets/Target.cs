using Kernels.Compiler.Emit.Algorithms;
using Kernels.Compiler.Emit.Targets.Hopper;
using Kernels.Compiler.Emit.Targets.Nvidia;
using Kernels.Compiler.Emit.Targets.Portable;
using Kernels.Compiler.Planning;

namespace Kernels.Compiler.Emit.Targets;

/// <summary>A kind of machine: how the work-items of a work-group share out what an algorithm does.</summary>
internal abstract class Target
{
    public static Target For(KernelTarget target) => target switch
    {
        KernelTarget.Portable => new PortableTarget(),
        KernelTarget.Cpu => new CpuTarget(),
        KernelTarget.Nvidia => new NvidiaTarget(),
        KernelTarget.Hopper => new HopperTarget(),
        _ => throw new ArgumentOutOfRangeException(nameof(target), target, "No such target."),
    };

    /// <summary>What the target is called in comments.</summary>
    public abstract string DisplayName { get; }

    /// <summary>The steps of a flash kernel on this target.</summary>
    public abstract FlashSteps Flash(KernelContext context, FlashForm form);

    /// <summary>
    /// The steps of prefill for another tile of the plan; they differ from those of the first in the constants of
    /// <see cref="FlashSteps.Tile"/> only.
    /// </summary>
    public virtual FlashSteps Variant(KernelContext context, TilePlan tile) =>
        throw new ArgumentException($"The planner of {DisplayName} has one prefill tile.", nameof(tile));
}
