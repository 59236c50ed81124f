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
        IGrouping<Series, RowResult>[] series =
            [.. comparison.Rows.Where(row => row.Row.Series is not null && row.Ours is not null).GroupBy(row => row.Row.Series!)];
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
        Bound bound = points[0].Row.Bound;
        double top = points.Max(
            row =>
                Math.Max(
                    row.Ceiling
                        ?? 0, row.Amount / Math.Min(
                            row.Ours!.Seconds, row.Peers.Select(peer => peer.Seconds).Append(double.PositiveInfinity).Min())));
        (double factor, string unit) = Units.RateUnit(top, bound);
        foreach ((string participant, Color color) in ParticipantsOf(points))
        {
            Draw(plot, points, participant, color, row => row.Amount / row.Of(participant)?.Seconds / factor);
        }

        Draw(plot, points, bound == Bound.Memory ? "linear read" : "peak", Colors.Black, row => row.Ceiling / factor, LinePattern.Dashed);
        Draw(plot, points, "PyTorch's matmul", Colors.Gray, row => row.Matmul / factor, LinePattern.Dashed);
        plot.Axes.SetLimitsY(0, top / factor * 1.15);
        Label(plot, series, series.Name, unit, points);
    }

    private static void DrawCost(Plot plot, Series series, RowResult[] points)
    {
        foreach ((string participant, Color color) in ParticipantsOf(points))
        {
            Draw(plot, points, $"{participant}, time in ms", color, row => Log(row.Of(participant)?.Seconds * 1e3));
        }

        Draw(plot, points, $"{Participant.Ours}, memory in MB", ColorOf(0), row => Log(row.MemoryBytes / 1e6), LinePattern.Dotted);
        plot.Axes.Left.TickGenerator = PowersOfTwo();
        Label(plot, series, $"{series.Name}: cost", "ms, MB", points);

        static double? Log(double? number) => number > 0 ? Math.Log2(number.Value) : null;
    }

    /// <summary>Those that ran, each with its colour in both pictures.</summary>
    private static IEnumerable<(string Participant, Color Color)> ParticipantsOf(RowResult[] points) =>
        points.SelectMany(row => row.Peers).Select(peer => peer.Participant).Distinct().Prepend(Participant.Ours)
        .Select((participant, i) => (participant, ColorOf(i)));

    private static Color ColorOf(int participant) => new ScottPlot.Palettes.Category10().GetColor(participant);

    private static void Draw(
        Plot plot, RowResult[] points, string name, Color color, Func<RowResult, double?> value, LinePattern? pattern = null)
    {
        (double X, double Y)[] drawn =
            [.. from row in points let y = value(row) where y is not null select (Math.Log2(GrowthTable.Place(row.Row)), y.Value)];
        if (drawn.Length == 0)
        {
            return;
        }

        var line = plot.Add.Scatter(drawn.Select(point => point.X).ToArray(), drawn.Select(point => point.Y).ToArray());
        line.LegendText = name;
        line.Color = color;
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

        // Beside the picture, where it hides no line.
        plot.ShowLegend(Edge.Bottom);
    }

    // Places are logarithms: a tick for each whole one, with its number.
    private static ScottPlot.TickGenerators.NumericAutomatic PowersOfTwo() => new()
    {
        IntegerTicksOnly = true,
        LabelFormatter = place => Math.Pow(2, place).ToString("0.####", System.Globalization.CultureInfo.InvariantCulture),
    };
}
