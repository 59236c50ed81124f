using System.Globalization;

namespace Kernels.Benchmarks.Compare;

/// <summary>A share of the ceiling that limits the work, of the same process.</summary>
internal sealed record CeilingBar(double Least) : Bar(Least)
{
    public override string Text => $"≥ {Percent(Least)} of ceiling";

    public override double? Measure(RowResult row) => row.CeilingShare;

    public override string Format(double value) => Percent(value);
}
