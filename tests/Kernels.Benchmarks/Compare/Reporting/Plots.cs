using ScottPlot;

namespace Kernels.Benchmarks.Compare;

/// <summary>Pictures of the series of a comparison: speed with the ceiling, and how time and memory grow.</summary>
internal static class Plots
{
    private const int Width = 640;
    private const int Height = 440;

    /// <summary>Draws all series into one PNG: a picture of speed for each, and below it one of cost where growth is asked for.</summary>
    /// <exception cref="InvalidOperationException">No series was measured.</exception>
    public static void Save(Comparison comparison, string file)
    {
        IGrouping<Series, RowResult>[] series = [.. comparison.Rows.Where(row => row.Row.Series is not null && row.Ours is not null).GroupBy(row => row.Row.Series!)];
        if (series.Length == 0)
        {
            throw new InvalidOperationException("Nothing to draw: no row of a series was measured.");
        }

        var pictures = new Multiplot();
        pictures.AddPlots(2 * series.Length);
        pictures.Layout = new ScottPlot.MultiplotLayouts.Grid(rows: 2, columns: series.Length);
        for (int i = 0; i < series.Length; i++)
        {
            RowResult[] points = [.. series[i]];
            DrawSpeed(pictures.GetPlot(i), series[i].Key, points);
            DrawCost(pictures.GetPlot(series.Length + i), series[i].Key, points);
        }

        pictures.SavePng(file, Width * series.Length, 2 * Height);
    }

    private static void DrawSpeed(Plot plot, Series series, RowResult[] points)
    {
        bool memory = points[0].Row.Bound == Bound.Memory;
        Draw(plot, points, Participant.Ours, row => row.Amount / row.Ours!.Seconds / 1e9);
        foreach (string peer in PeersOf(points))
        {
            Draw(plot, [.. points.Where(row => row.Of(peer) is not null)], peer, row => row.Amount / row.Of(peer)!.Seconds / 1e9);
        }

        Draw(plot, [.. points.Where(row => row.Ceiling is not null)], memory ? "linear read" : "peak", row => row.Ceiling!.Value / 1e9, LinePattern.Dashed);
        plot.Axes.SetLimitsY(0, points.Max(row => Math.Max(row.Ceiling ?? 0, row.Amount / row.Ours!.Seconds)) / 1e9 * 1.15);
        Label(plot, series, series.Name, memory ? "GB/s" : "GFLOP/s", points);
    }

    private static void DrawCost(Plot plot, Series series, RowResult[] points)
    {
        Draw(plot, points, "time, ms", row => Math.Log2(row.Ours!.Seconds * 1e3));
        foreach (string peer in PeersOf(points))
        {
            Draw(plot, [.. points.Where(row => row.Of(peer) is not null)], $"{peer}, ms", row => Math.Log2(row.Of(peer)!.Seconds * 1e3));
        }

        Draw(plot, [.. points.Where(row => row.MemoryBytes > 0)], "memory, MB", row => Math.Log2(row.MemoryBytes!.Value / 1e6), LinePattern.Dotted);
        plot.Axes.Left.TickGenerator = PowersOfTwo();
        Label(plot, series, "cost", "", points);
    }

    private static IEnumerable<string> PeersOf(RowResult[] points) => points.SelectMany(row => row.Peers).Select(peer => peer.Participant).Distinct();

    private static void Draw(Plot plot, RowResult[] points, string name, Func<RowResult, double> value, LinePattern? pattern = null)
    {
        if (points.Length == 0)
        {
            return;
        }

        var line = plot.Add.Scatter(points.Select(row => Math.Log2(GrowthTable.Place(row.Row))).ToArray(), points.Select(value).ToArray());
        line.LegendText = name;
        line.LinePattern = pattern ?? LinePattern.Solid;
        line.LineWidth = 2;
    }

    private static void Label(Plot plot, Series series, string title, string unit, RowResult[] points)
    {
        plot.Title(title);
        plot.XLabel(series.Axis == SeriesAxis.Batch ? "sequences" : "tokens");
        plot.YLabel(unit);
        plot.Axes.Bottom.TickGenerator = PowersOfTwo();
        double first = Math.Log2(GrowthTable.Place(points[0].Row)), last = Math.Log2(GrowthTable.Place(points[^1].Row));
        plot.Axes.SetLimitsX(first - 0.3, last + 0.3);
        plot.ShowLegend(Alignment.LowerRight);
    }

    // Places are logarithms: a tick for each whole one, with its number.
    private static ScottPlot.TickGenerators.NumericAutomatic PowersOfTwo() => new()
    {
        IntegerTicksOnly = true,
        LabelFormatter = place => Math.Pow(2, place).ToString("0.####", System.Globalization.CultureInfo.InvariantCulture),
    };
}
