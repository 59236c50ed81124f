namespace Kernels.Benchmarks.Compare;

/// <summary>What a participant took for a row, over all processes.</summary>
/// <param name="Participant">Who.</param>
/// <param name="Processes">Seconds, sample after sample, of each process.</param>
internal sealed record Measured(string Participant, IReadOnlyList<double[]> Processes)
{
    /// <summary>The median of the processes' medians.</summary>
    public double Seconds => Statistics.MedianOfMedians([.. Processes]);

    /// <summary>See <see cref="Statistics.Spread"/>.</summary>
    public double Spread => Statistics.Spread([.. Processes]);
}
