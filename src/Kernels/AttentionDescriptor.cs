namespace Kernels;

/// <summary>Everything that is known of a spec at compile time: what it computes, and the kernels that were emitted for it.</summary>
/// <param name="Name">The name of the spec's type, for messages.</param>
/// <param name="Shape">What the spec computes.</param>
/// <param name="Targets">The targets that kernels were emitted for.</param>
/// <param name="Geometry">How the kernels of a target are launched.</param>
/// <param name="Source">The kernels' sources.</param>
public sealed record AttentionDescriptor(
    string Name,
    AttentionShape Shape,
    IReadOnlyList<KernelTarget> Targets,
    Func<KernelTarget, KernelGeometry> Geometry,
    KernelSource Source)
{
    /// <summary>Whether the spec's mods have inputs, which a launch must be given.</summary>
    public bool HasModInputs { get; init; }

    /// <summary>
    /// Heads for which a block mask has classes of its own: 0 without a mask mod, 1 where the mod does not look at the head, else H_kv.
    /// </summary>
    public int BlockMaskHeads { get; init; }
}
