using Kernels.Costs;
using ScottPlot;

namespace Decoders;

/// <summary>Draws a roofline, both axes logarithmic, with steps as points.</summary>
internal static class RooflinePlot
{
    private const int Width = 1100;
    private const int Height = 700;

    /// <summary>Saves the picture.</summary>
    /// <param name="file">Where to, a PNG file.</param>
    /// <param name="title">What it is about.</param>
    /// <param name="device">The roof.</param>
    /// <param name="points">The steps; one that was measured is where its measured speed puts it, with a line up to its prediction.</param>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public static void Save(string file, string title, Roofline device, IReadOnlyList<RooflinePoint> points)
    {
        using var plot = new Plot();
        double[] intensities = [.. points.Select(point => point.Cost.Total.Intensity)];
        double left = Math.Log10(Math.Min(intensities.Min(), device.Ridge) / 4);
        double right = Math.Log10(Math.Max(intensities.Max(), device.Ridge) * 4);
        double ridge = Math.Log10(device.Ridge);
        double peak = Math.Log10(device.FlopsPerSecond);
        var roof = plot.Add.Scatter((double[])[left, ridge, right], [peak - (ridge - left), peak, peak], Colors.Black);
        roof.MarkerSize = 0;
        roof.LineWidth = 2;
        roof.LegendText = RooflineTable.Invariant(
            $"{RooflineTable.Count(device.BytesPerSecond, "B/s")}, {RooflineTable.Count(device.FlopsPerSecond, "FLOP/s")}, ridge {RooflineTable.Number(device.Ridge)}");
        if (device.Overlap < 1)
        {
            double[] steps = [.. Enumerable.Range(0, 65).Select(i => left + ((right - left) * i / 64))];
            var attainable = plot.Add.Scatter(
                steps, [.. steps.Select(step => Math.Log10(device.GetAttainableFlopsPerSecond(Math.Pow(10, step))))], Colors.Gray);
            attainable.MarkerSize = 0;
            attainable.LinePattern = LinePattern.Dashed;
            attainable.LegendText = RooflineTable.Invariant($"with an overlap of {device.Overlap:F2}");
        }

        foreach (IGrouping<RooflinePhase, RooflinePoint> phase in points.GroupBy(point => point.Phase))
        {
            Color color = phase.Key == RooflinePhase.Decode ? Colors.C0 : Colors.C1;
            AddSeries(plot, [.. phase], point => point.Predicted, phase.Key + ", predicted", color, MarkerShape.OpenCircle);
            RooflinePoint[] measured = [.. phase.Where(point => point.Measured is not null)];
            if (measured.Length > 0)
            {
                AddSeries(plot, measured, point => point.Measured!.Value, phase.Key + ", measured", color, MarkerShape.FilledCircle);
            }
        }

        plot.Title(title);
        plot.XLabel("arithmetic intensity, FLOP/byte");
        plot.YLabel("FLOP/s");
        UseLogarithms(plot.Axes.Bottom);
        UseLogarithms(plot.Axes.Left);
        plot.ShowLegend(Alignment.LowerRight);
        plot.SavePng(file, Width, Height);
    }

    private static void AddSeries(
        Plot plot, RooflinePoint[] points, Func<RooflinePoint, double> seconds, string name, Color color, MarkerShape marker)
    {
        double[] intensities = [.. points.Select(point => Math.Log10(point.Cost.Total.Intensity))];
        double[] rates = [.. points.Select(point => Math.Log10(point.Cost.Total.Flops / seconds(point)))];
        var series = plot.Add.Markers(intensities, rates, marker, 9, color);
        series.LegendText = name;
    }

    private static void UseLogarithms(IAxis axis) => axis.TickGenerator = new ScottPlot.TickGenerators.NumericAutomatic
    {
        MinorTickGenerator = new ScottPlot.TickGenerators.LogMinorTickGenerator(),
        IntegerTicksOnly = true,
        LabelFormatter = power => power is >= -2 and < 3 ? RooflineTable.Invariant($"{Math.Pow(10, power):G3}") : RooflineTable.Invariant(
            $"1e{power:F0}"),
    };
}
