using System.Globalization;

namespace Kernels.Benchmarks.Compare;

/// <summary>A rate of arithmetic, in TFLOP/s.</summary>
internal sealed record RateBar(double Least) : Bar(Least)
{
    public override string Text => $"≥ {Format(Least)}";

    public override double? Measure(RowResult row) => row.Row.Work.Flops / row.Ours?.Seconds / 1e12;

    public override string Format(double value) => string.Create(CultureInfo.InvariantCulture, $"{value:0} TFLOP/s");
}
