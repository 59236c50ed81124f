using System.Globalization;

namespace Kernels.Benchmarks.Compare;

/// <summary>How time and memory grow along a series.</summary>
internal static class GrowthTable
{
    /// <summary>The table of a series' points, in their order.</summary>
    public static TextTable Create(IEnumerable<RowResult> rows)
    {
        RowResult[] points = [.. rows];
        Series series = points[0].Row.Series!;
        string[] peers = [.. points.SelectMany(row => row.Peers).Select(peer => peer.Participant).Distinct()];
        string growth = series.Growth switch { 1 => " (time linear: 2)", 2 => " (time quadratic: 4)", _ => "" };
        string[] bar = points.SelectMany(row => row.Row.Bars).FirstOrDefault() is { } first ? [$"Ratio {first.Text}"] : [];
        string[] matmul = points.Any(row => row.Matmul is not null) ? ["Matmul"] : [];
        var table = new TextTable(
            series.Name
                + growth,
                [series.Axis == SeriesAxis.Batch ? "Batch" : "Sequence", "Ours", "Ratio", .. bar, "Rate", "Ceiling", .. matmul, "Memory",
                    "Ratio", .. peers]);
        for (int i = 0; i < points.Length; i++)
        {
            RowResult row = points[i];
            RowResult? before = i > 0 ? points[i - 1] : null;
            var asked = row.Row.Bars.SingleOrDefault() as GrowthBar;
            table.Rows.Add(
            [
                Place(row.Row).ToString(CultureInfo.InvariantCulture),
                row.Ours is { } ours ? $"{Units.Time(ours.Seconds)} ± {Units.Percent(ours.Spread)}" : "failed",
                Ratio(asked is null ? row.Ours?.Seconds / before?.Ours?.Seconds : asked.Measure(row)),
                .. bar.Select(_ => asked is null ? "" : ComparisonTable.Met(asked, asked.Measure(row))),
                row.Ours is { } timed ? Units.Rate(row.Amount / timed.Seconds, row.Row.Bound) : "—",
                row.CeilingShare is { } share ? Units.Percent(share) : "—",
                .. matmul.Select(_ => row.MatmulShare is { } part ? Units.Percent(part) : "—"),
                row.MemoryBytes is { } bytes ? Units.Bytes(bytes) : "—",
                Ratio((double?)row.MemoryBytes / before?.MemoryBytes),
                .. peers.Select(peer => row.Of(peer) is { } measured ? Units.Time(measured.Seconds) : "—"),
            ]);
        }

        return table;
    }

    /// <summary>A row's place in its series.</summary>
    public static int Place(Row row) => row.Series!.Axis == SeriesAxis.Batch ? row.Work.Batch : row.Work.Sequence;

    private static string Ratio(double? ratio) => ratio is { } value ? value.ToString("0.00", CultureInfo.InvariantCulture) : "";
}
