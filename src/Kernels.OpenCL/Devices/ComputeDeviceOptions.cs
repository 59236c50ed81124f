namespace Kernels.OpenCL;

/// <summary>How a device is opened.</summary>
public sealed record ComputeDeviceOptions
{
    /// <summary>
    /// Whether <see cref="ComputeDevice.Queue"/> records times for <see cref="ComputeEvent.GetTimes"/>. That makes launches dearer: some
    /// drivers take twice as long to enqueue one.
    /// </summary>
    public bool Profiling { get; init; }

    /// <summary>How built programs are kept.</summary>
    public ProgramCacheOptions ProgramCache { get; init; } = ProgramCacheOptions.FromEnvironment();

    /// <summary>
    /// Whether prefill kernels that were emitted with several tiles are timed with each when a step first has a prompt of 256 tokens or
    /// more. By default what the variable KERNELS_TUNE says ("on", "off" or "force"), else on.
    /// </summary>
    public TuningMode Tuning { get; init; } = TileTuning.ModeFromEnvironment();

    /// <summary>
    /// Whether every append and attend looks, on the device, for NaN and infinities in what it takes and gives: queries, new keys, new
    /// values and outputs, not inputs such as biases and sinks, which may be infinite. It throws a <see cref="NotFiniteException"/> that
    /// names the tensor and the place. Each call then waits for the device. By default what the variable KERNELS_CHECK says ("numbers" or
    /// "off"), else off.
    /// </summary>
    public bool CheckNumbers { get; init; } = NumberCheck.IsOnInEnvironment();
}
