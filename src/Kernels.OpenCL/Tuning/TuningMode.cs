namespace Kernels.OpenCL;

/// <summary>Whether a spec's prefill kernel, where it was emitted with several tiles, is timed with each when it is first prepared on a device.</summary>
public enum TuningMode
{
    /// <summary>The planner's choice, without a measurement: nothing is built that does not run. The default.</summary>
    Off,

    /// <summary>The fastest: measured once on a device (some tenths of a second, and a build of each tile), then kept beside the built programs.</summary>
    On,

    /// <summary>As <see cref="On"/>, but measured again in each process, and kept in place of what was.</summary>
    Force,
}
