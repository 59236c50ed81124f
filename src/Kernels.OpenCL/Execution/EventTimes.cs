namespace Kernels.OpenCL;

/// <summary>When a command went through its stages, in nanoseconds of the device's clock.</summary>
/// <param name="QueuedNanoseconds">When the host enqueued it.</param>
/// <param name="SubmittedNanoseconds">When the driver gave it to the device.</param>
/// <param name="StartedNanoseconds">When the device began.</param>
/// <param name="EndedNanoseconds">When the device was done.</param>
public readonly record struct EventTimes(long QueuedNanoseconds, long SubmittedNanoseconds, long StartedNanoseconds, long EndedNanoseconds)
{
    /// <summary>Nanoseconds that the device worked on it.</summary>
    public long ElapsedNanoseconds => EndedNanoseconds - StartedNanoseconds;
}
