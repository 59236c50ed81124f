namespace Kernels.OpenCL;

/// <summary>
/// Whether a spec's prefill kernel, where it was emitted with several tiles, is timed with each. Specs with
/// <see cref="AttentionKernelAttribute.Deterministic"/>, and those whose mods have inputs, are not.
/// </summary>
public enum TuningMode
{
    /// <summary>The planner's choice, without a measurement: nothing is built that does not run.</summary>
    Off,

    /// <summary>
    /// The fastest. The planner's choice runs until a step has a prompt of 256 tokens or more; building the plan of that step measures,
    /// once on a device (some tenths of a second, and a build of each tile), and the result is kept beside the built programs. The default.
    /// </summary>
    On,

    /// <summary>As <see cref="On"/>, but measured again in each process, and kept in place of what was.</summary>
    Force,
}
