using Kernels.Compiler.Emit;
using Kernels.Compiler.Specs;
using Kernels.Compiler.Targets.Cpu;
using Kernels.Compiler.Targets.Sm90;
using Kernels.Compiler.Targets.Sm80;
using Kernels.Compiler.Targets.Portable;

namespace Kernels.Compiler.Targets;

/// <summary>
/// A kind of machine that kernels are written for: which specs it can do, the tiles of a spec's kernels, and their templates. A new one is
/// a folder beside this file, a folder of templates, and a line in <see cref="All"/>.
/// </summary>
internal abstract class Target
{
    /// <summary>All targets; one that can do every spec comes before those that are more specific.</summary>
    public static IReadOnlyList<Target> All { get; } = [new PortableTarget(), new CpuTarget(), new Sm80Target(), new Sm90Target()];

    /// <summary>The target's name in the contract.</summary>
    public abstract KernelTarget Kind { get; }

    /// <summary>What the target is called in comments.</summary>
    public abstract string DisplayName { get; }

    /// <summary>Scores that its score functions have at a time: those of a vector, or one.</summary>
    public virtual int ScoreLanes => 1;

    /// <summary>Whether products are made before they are scaled, as tensor cores do, so that large ones are infinite.</summary>
    public virtual bool ScalesProducts => false;

    public static Target Of(KernelTarget kind) => All.FirstOrDefault(target => target.Kind == kind)
        ?? throw new ArgumentOutOfRangeException(nameof(kind), kind, "No such target.");

    /// <summary>The targets that a spec is emitted for.</summary>
    public static IReadOnlyList<KernelTarget> For(AttentionSpec spec) =>
        [.. All.Where(target => target.Supports(spec)).Select(target => target.Kind)];

    /// <summary>Whether it can do a valid spec's arithmetic.</summary>
    public virtual bool Supports(AttentionSpec spec) => true;

    /// <summary>The tiles of a spec that it supports.</summary>
    public abstract KernelPlan Plan(AttentionSpec spec);

    /// <summary>The flash kernel for a tile of its plan.</summary>
    public abstract FlashSteps Flash(KernelContext context, TilePlan tile);

    /// <summary>The target whose kernel it takes, where one of its own would be the same.</summary>
    public virtual Target OwnerOf(AttentionSpec spec, KernelPlan plan, KernelAlgorithm algorithm) => this;
}
