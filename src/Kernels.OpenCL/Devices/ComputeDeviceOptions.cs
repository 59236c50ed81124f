namespace Kernels.OpenCL;

/// <summary>How a device is opened.</summary>
public sealed record ComputeDeviceOptions
{
    /// <summary>Whether <see cref="ComputeDevice.Queue"/> records times for <see cref="ComputeEvent.GetTimes"/>. That makes launches dearer: some drivers take twice as long to enqueue one.</summary>
    public bool Profiling { get; init; }

    /// <summary>How built programs are kept.</summary>
    public ProgramCacheOptions ProgramCache { get; init; } = ProgramCacheOptions.FromEnvironment();

    /// <summary>
    /// Whether prefill kernels that were emitted with several tiles are timed with each when a step first has a prompt of 256 tokens or
    /// more. By default what the variable KERNELS_TUNE says ("on", "off" or "force"), else on.
    /// </summary>
    public TuningMode Tuning { get; init; } = TileTuning.ModeFromEnvironment();
}
