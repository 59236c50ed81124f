using System.Collections.Immutable;

namespace Kernels.Benchmarks.Compare;

/// <summary>What the command line asks for.</summary>
/// <param name="Suite">The suite.</param>
/// <param name="Device">The device, as a selector says it.</param>
internal sealed record CompareOptions(Suite Suite, string Device)
{
    /// <summary>Processes of each participant.</summary>
    public int Processes { get; init; } = 3;

    /// <summary>Only rows whose name contains this; null: all.</summary>
    public string? Filter { get; init; }

    /// <summary>Whether the rows that make up series take part.</summary>
    public bool Series { get; init; } = true;

    /// <summary>The rows that are asked for.</summary>
    public ImmutableArray<Row> Rows => [.. Suite.Select(Filter).Where(row => Series || row.Series is null)];

    /// <summary>Seconds of sampling for each row, participant and process.</summary>
    public double Seconds { get; init; } = 1;

    /// <summary>Whether peers take part.</summary>
    public bool Peers { get; init; } = true;

    /// <summary>Where the measurements go as JSON.</summary>
    public string? Json { get; init; }

    /// <summary>Where the tables go as Markdown.</summary>
    public string? Markdown { get; init; }

    /// <summary>Where the pictures go.</summary>
    public string? Plot { get; init; }

    /// <summary>The command line, for the reports.</summary>
    public string CommandLine { get; init; } = "";
}
