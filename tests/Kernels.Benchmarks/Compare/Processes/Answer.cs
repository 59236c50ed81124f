using System.Text.Json.Serialization;

namespace Kernels.Benchmarks.Compare;

/// <summary>What it answers, a line of JSON on its standard output.</summary>
/// <param name="Results">One for each way that it has of doing the work.</param>
internal sealed record Answer(IReadOnlyList<Sampled> Results)
{
    /// <summary>
    /// Bytes a second that the device reads at most, measured before and after the work; null where the process does not measure it.
    /// </summary>
    public double? ReadBytesPerSecond { get; init; }

    /// <summary>Operations a second that the device can do at most on the work's types, measured before and after the work.</summary>
    public double? FlopsPerSecond { get; init; }

    /// <summary>
    /// Operations a second of PyTorch's product of two matrices of 8192 × 8192 in the work's type; null where the process does not measure
    /// it.
    /// </summary>
    public double? MatmulFlopsPerSecond { get; init; }

    /// <summary>What our kernels took beside the rows that this one is compared with.</summary>
    public IReadOnlyList<SampledRow>? Others { get; init; }

    /// <summary>Bytes of device memory that the work held at most.</summary>
    public long? MemoryBytes { get; init; }

    /// <summary>The device, its driver, and the kernels or libraries that ran.</summary>
    public string? Environment { get; init; }
}
