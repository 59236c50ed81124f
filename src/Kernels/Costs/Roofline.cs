namespace Kernels;

/// <summary>
/// A device as the roofline model sees it: work takes as long as its arithmetic at the highest rate, or as its bytes at the highest
/// rate, whichever is longer.
/// </summary>
/// <param name="Name">The device, for people.</param>
/// <param name="FlopsPerSecond">Floating-point operations a second at most.</param>
/// <param name="BytesPerSecond">Bytes a second from device memory at most.</param>
/// <param name="MemoryBytes">Bytes of device memory; 0: not known.</param>
public sealed record Roofline(string Name, double FlopsPerSecond, double BytesPerSecond, long MemoryBytes = 0)
{
    /// <summary>The arithmetic intensity, FLOPs per byte, below which memory limits and from which on arithmetic does.</summary>
    public double Ridge => FlopsPerSecond / BytesPerSecond;

    /// <summary>Whether memory is what limits the work.</summary>
    public bool IsMemoryBound(WorkCost cost) => cost.Intensity < Ridge;

    /// <summary>Operations a second that work of an arithmetic intensity can reach: min(peak, intensity × bandwidth).</summary>
    public double AttainableFlopsPerSecond(double intensity) => Math.Min(FlopsPerSecond, intensity * BytesPerSecond);

    /// <summary>Seconds that work takes at least: max(FLOPs / peak, bytes / bandwidth).</summary>
    public double Seconds(WorkCost cost) => Math.Max(cost.Flops / FlopsPerSecond, cost.Bytes / BytesPerSecond);
}
