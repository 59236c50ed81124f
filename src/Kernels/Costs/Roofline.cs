namespace Kernels.Costs;

/// <summary>
/// A device as the roofline model sees it: work takes as long as its arithmetic at the highest rate, or as its bytes at the highest
/// rate, whichever is longer, and longer by the part of the shorter that does not hide behind it:
/// max(FLOPs / peak, bytes / bandwidth) + (1 − overlap) · min(FLOPs / peak, bytes / bandwidth).
/// </summary>
/// <param name="Name">The device, for people.</param>
/// <param name="FlopsPerSecond">Floating-point operations a second at most.</param>
/// <param name="BytesPerSecond">Bytes a second from device memory at most.</param>
/// <param name="MemoryBytes">Bytes of device memory; 0: not known.</param>
public sealed record Roofline(string Name, double FlopsPerSecond, double BytesPerSecond, long MemoryBytes = 0)
{
    /// <summary>
    /// How much of the shorter of arithmetic and reading hides behind the longer: 1, all of it, is the roofline of the textbook, and 0 has
    /// one wait for the other. A property of the device, not of a kernel.
    /// </summary>
    public double Overlap { get; init; } = 1;

    /// <summary>A device between two measurements of it: the means of rates and overlap.</summary>
    public static Roofline Mean(Roofline before, Roofline after)
    {
        ArgumentNullException.ThrowIfNull(before);
        ArgumentNullException.ThrowIfNull(after);
        return before with
        {
            FlopsPerSecond = (before.FlopsPerSecond + after.FlopsPerSecond) / 2,
            BytesPerSecond = (before.BytesPerSecond + after.BytesPerSecond) / 2,
            Overlap = (before.Overlap + after.Overlap) / 2,
        };
    }

    /// <summary>The arithmetic intensity, FLOPs per byte, below which memory limits and from which on arithmetic does.</summary>
    public double Ridge => FlopsPerSecond / BytesPerSecond;

    /// <summary>Whether memory is what limits the work.</summary>
    public bool IsMemoryBound(WorkCost cost) => cost.Intensity < Ridge;

    /// <summary>
    /// Operations a second that work of an arithmetic intensity can reach; with full overlap min(peak, intensity × bandwidth).
    /// </summary>
    public double GetAttainableFlopsPerSecond(double intensity) => intensity / Seconds(intensity / FlopsPerSecond, 1 / BytesPerSecond);

    /// <summary>Seconds that work takes at least.</summary>
    public double GetSeconds(WorkCost cost) => Seconds(cost.Flops / FlopsPerSecond, cost.Bytes / BytesPerSecond);

    private double Seconds(double arithmetic, double reading) =>
        Math.Max(arithmetic, reading) + ((1 - Overlap) * Math.Min(arithmetic, reading));
}
