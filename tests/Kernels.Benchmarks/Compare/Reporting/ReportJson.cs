using System.Text.Json;
using System.Text.Json.Serialization;

namespace Kernels.Benchmarks.Compare;

/// <summary>A comparison as JSON: every sample, and what was concluded.</summary>
internal sealed record ReportJson(
    string Suite, string Device, string Command, IReadOnlyList<string> Environments, IReadOnlyList<ReportJson.RowJson> Rows)
{
    /// <summary>Writes it.</summary>
    public static string Serialize(Comparison comparison) => JsonSerializer.Serialize(
        new(
            comparison.Options.Suite.Name,
            comparison.Options.Device,
            comparison.Options.CommandLine,
            [.. comparison.Rows.SelectMany(row => row.Environments).Distinct()],
            [.. comparison.Rows.Select(Row)]),
        ReportJsonContext.Default.ReportJson);

    private static RowJson Row(RowResult row) => new(
        row.Row.Work,
        row.Row.Bound,
        row.Row.Work.Flops,
        row.Row.Work.Bytes,
        row.Ceiling,
        row.CeilingShare,
        row.Matmul,
        row.MemoryBytes,
        [.. row.Peers.Prepend(row.Ours).OfType<Measured>()
            .Select(measured => new ParticipantJson(measured.Participant, measured.Seconds, measured.Spread, measured.Processes))],
        [.. row.Others],
        [.. row.Row.Bars.Select(bar => Bar(bar, row, false)), .. row.Row.Aims.Select(bar => Bar(bar, row, true))],
        [.. row.Missing.Select(missing => $"{missing.Participant}: {missing.Reason}")]);

    private static BarJson Bar(Bar bar, RowResult row, bool isAim)
    {
        double? value = bar.Measure(row);
        return new(bar.Text, isAim, bar.Least, value, value is { } number ? bar.IsMet(number) : null);
    }

    /// <summary>A row.</summary>
    internal sealed record RowJson(
        Work Work, Bound Bound, double Flops, double Bytes, double? Ceiling, double? CeilingShare, double? Matmul, long? MemoryBytes,
        IReadOnlyList<ParticipantJson> Participants, IReadOnlyList<SampledRow> Others, IReadOnlyList<BarJson> Bars,
        IReadOnlyList<string> Missing);

    /// <summary>What a participant took.</summary>
    internal sealed record ParticipantJson(string Name, double Seconds, double Spread, IReadOnlyList<double[]> Processes);

    /// <summary>What was asked, and whether it is so.</summary>
    internal sealed record BarJson(string Text, bool IsAim, double Least, double? Value, bool? Met);
}
