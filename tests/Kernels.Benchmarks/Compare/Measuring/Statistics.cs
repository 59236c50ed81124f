namespace Kernels.Benchmarks.Compare;

/// <summary>The middle of measurements, and how far apart they are.</summary>
internal static class Statistics
{
    /// <summary>The median: the mean of the middle two of an even number.</summary>
    /// <exception cref="ArgumentException">There are no values.</exception>
    public static double Median(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        return sorted.Length > 0
            ? (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2
            : throw new ArgumentException("Expected at least one value.", nameof(values));
    }

    /// <summary>The median of the processes' medians.</summary>
    public static double MedianOfMedians(IReadOnlyCollection<double[]> processes) => Median(processes.Select(samples => Median(samples)));

    /// <summary>Half the distance of the processes' smallest and largest medians, as a share of their median: the ± of a table.</summary>
    public static double Spread(IReadOnlyCollection<double[]> processes)
    {
        double[] medians = [.. processes.Select(samples => Median(samples))];
        return (medians.Max() - medians.Min()) / 2 / Median(medians);
    }
}
