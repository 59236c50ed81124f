using System.Collections.Immutable;

namespace Kernels.Benchmarks.Compare;

/// <summary>The rows of a suite.</summary>
/// <param name="Name">As the command line names it.</param>
/// <param name="Device">The device that it is for, where the command line does not say.</param>
/// <param name="Rows">Its rows, names unique.</param>
internal sealed record Suite(string Name, string Device, ImmutableArray<Row> Rows)
{
    /// <summary>Every suite.</summary>
    public static ImmutableArray<Suite> All { get; } = [new("cpu", "cpu", CpuSuite.Rows), new("gpu", "gpu", GpuSuite.Rows)];

    /// <summary>The rows whose name, or series, contains a text.</summary>
    public ImmutableArray<Row> Select(string? filter) => filter is null ? Rows
        : [.. Rows.Where(
            row => row.Name.Contains(filter, StringComparison.OrdinalIgnoreCase)
                || row.Series?.Name.Contains(filter, StringComparison.OrdinalIgnoreCase) == true)];

    /// <summary>A row by its name.</summary>
    public Row? Find(string name) => Rows.FirstOrDefault(row => row.Name == name);
}
