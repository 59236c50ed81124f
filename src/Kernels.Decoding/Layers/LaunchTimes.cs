using System.Diagnostics;
using Kernels.OpenCL;

namespace Kernels.Decoding;

/// <summary>How long each kernel of a step takes by itself: the queue is empty before a launch, and waited for after it.</summary>
/// <param name="queue">The queue of the launches.</param>
internal sealed class LaunchTimes(ComputeQueue queue)
{
    private readonly Dictionary<string, TimeSpan> times = new(StringComparer.Ordinal);
    private long begin;

    /// <summary>The time of all launches whose kernel's name begins like this.</summary>
    public TimeSpan Of(string prefix) =>
        new(times.Where(entry => entry.Key.StartsWith(prefix, StringComparison.Ordinal)).Sum(entry => entry.Value.Ticks));

    /// <summary>Begins a launch.</summary>
    public void Begin()
    {
        queue.Finish();
        begin = Stopwatch.GetTimestamp();
    }

    /// <summary>Ends the launch of a kernel.</summary>
    public void End(string kernel)
    {
        queue.Finish();
        times[kernel] = times.GetValueOrDefault(kernel) + Stopwatch.GetElapsedTime(begin);
    }

    /// <summary>Forgets all times.</summary>
    public void Clear() => times.Clear();
}
