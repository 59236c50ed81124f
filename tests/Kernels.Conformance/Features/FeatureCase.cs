using Kernels.OpenCL;

namespace Kernels.Conformance;

/// <summary>Something of the attention types that the matrix has no axis for, on one spec.</summary>
/// <param name="Name">What is tested, and on which spec.</param>
/// <param name="Descriptor">The spec.</param>
/// <param name="Work">Multiplications of all scores, roughly.</param>
/// <param name="Run">Runs the kernels of a target (null: the device's own) and says what is wrong, or null.</param>
internal sealed record FeatureCase(
    string Name, AttentionDescriptor Descriptor, double Work, Func<ComputeDevice, KernelTarget?, string?> Run)
{
    /// <summary>Why a device has no room for the case, or null.</summary>
    public Func<ComputeDevice, string?> Unfit { get; init; } = static _ => null;

    public override string ToString() => Name;
}
