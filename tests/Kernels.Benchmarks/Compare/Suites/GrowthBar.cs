using System.Globalization;

namespace Kernels.Benchmarks.Compare;

/// <summary>How many times as long as the row before it in its series.</summary>
/// <param name="Other">The row before.</param>
/// <param name="Least">The least.</param>
/// <param name="Most">The most.</param>
internal sealed record GrowthBar(Row Other, double Least, double Most) : OtherRowBar(Other, Least)
{
    public override string Text => string.Create(CultureInfo.InvariantCulture, $"{Least:0.00} to {Most:0.00}");

    public override double? Measure(RowResult row) => 1 / row.TimesAsFastAs(Other);

    public override string Format(double value) => value.ToString("0.00", CultureInfo.InvariantCulture);

    public override bool IsMet(double value) => value >= Least && value <= Most;
}
