namespace Kernels.Benchmarks.Compare;

/// <summary>Ours and the peers, row by row, with what is asked for.</summary>
internal static class ComparisonTable
{
    private const string Nothing = "—";

    /// <summary>The table of some rows.</summary>
    public static TextTable Create(Comparison comparison, IReadOnlyList<RowResult> rows)
    {
        string[] peers = [.. rows.SelectMany(row => row.Peers).Select(peer => peer.Participant).Distinct()];
        var table = new TextTable(
            $"Suite {comparison.Options.Suite.Name}", ["Work", "Ours", "Rate", "Ceiling", .. peers, "Asked for", "Measured", "Met"]);
        foreach (RowResult row in rows)
        {
            IReadOnlyList<Judged> bars =
                [.. row.Row.Bars.Select(bar => Judge(bar, row, "")), .. row.Row.Aims.Select(aim => Judge(aim, row, "aim: "))];
            table.Rows.Add(
            [
                row.Row.Name,
                row.Ours is { } ours ? $"{Units.Time(ours.Seconds)} ± {Units.Percent(ours.Spread)}" : "failed",
                row.Ours is { } timed ? Units.Rate(row.Amount / timed.Seconds, row.Row.Bound) : Nothing,
                Ceilings(row),
                .. peers.Select(peer => Peer(row, peer)),
                Lines(bars, bar => bar.Text),
                Lines(bars, bar => bar.Value),
                Lines(bars, bar => bar.Met),
            ]);
        }

        return table;
    }

    /// <summary>Whether a bar is met, in a word.</summary>
    public static string Met(Bar bar, double? value) => value is not { } number ? "not measured" : bar.IsMet(number) ? "yes" : "no";

    private static string Ceilings(RowResult row)
    {
        if (row.Ceiling is not { } ceiling || row.CeilingShare is not { } share)
        {
            return Nothing;
        }

        string matmul = row.Matmul is { } rate && row.MatmulShare is { } part
            ? $"\n{Units.Percent(part)} of matmul's {Units.Rate(rate, Bound.Arithmetic)}" : "";
        return $"{Units.Percent(share)} of {Units.Rate(ceiling, row.Row.Bound)}{matmul}";
    }

    private static string Peer(RowResult row, string peer) => row.Of(peer) is { } measured
        ? Units.Time(measured.Seconds) + (row.Ours is { } ours ? $" ({Units.Times(measured.Seconds / ours.Seconds)})" : "")
        : Nothing;

    private static string Lines(IReadOnlyList<Judged> bars, Func<Judged, string> text) => bars.Count > 0
        ? string.Join('\n', bars.Select(text)) : Nothing;

    private static Judged Judge(Bar bar, RowResult row, string prefix)
    {
        double? value = bar.Measure(row);
        return new(prefix + bar.Text, value is { } number ? bar.Format(number) : Nothing, Met(bar, value));
    }

    private sealed record Judged(string Text, string Value, string Met);
}
