namespace Kernels;

/// <summary>What the host must know to launch the kernels of one target.</summary>
/// <param name="Target">The target.</param>
/// <param name="Prefill">The tile of <see cref="KernelAlgorithm.Prefill"/>.</param>
/// <param name="Decode">The tile of <see cref="KernelAlgorithm.Decode"/>.</param>
/// <param name="AppendWorkGroupSize">Work-items of a work-group of <see cref="KernelAlgorithm.Append"/>.</param>
/// <param name="CombineWorkGroupSize">
/// Work-items of a work-group of <see cref="KernelAlgorithm.Combine"/> and <see cref="KernelAlgorithm.Merge"/>.
/// </param>
public sealed record KernelGeometry(
    KernelTarget Target, TileGeometry Prefill, TileGeometry Decode, int AppendWorkGroupSize, int CombineWorkGroupSize)
{
    /// <summary>
    /// Other tiles that <see cref="KernelAlgorithm.Prefill"/> can be built for: the n-th (the first is 1) with the compiler's option "-D
    /// VARIANT=n".
    /// </summary>
    public IReadOnlyList<TileGeometry> PrefillVariants { get; init; } = [];
}
