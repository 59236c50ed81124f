using System.Globalization;

namespace Kernels.Benchmarks.Compare;

/// <summary>How many times as fast as our own kernels in another row.</summary>
/// <param name="Other">The other row.</param>
/// <param name="What">What the other row is, in the bar's words.</param>
/// <param name="Least">The least.</param>
/// <param name="PerScore">Whether times are divided by the scores that are visible.</param>
internal sealed record RowBar(Row Other, string What, double Least, bool PerScore = false) : OtherRowBar(Other, Least)
{
    public override string Text => $"≥ {Times(Least)} {What}{(PerScore ? " per visible score" : "")}";

    public override double? Measure(RowResult row) => row.TimesAsFastAs(Other) * (PerScore ? Scores(row.Row) / Scores(Other) : 1);

    public override string Format(double value) => Times(value);

    private static double Scores(Row row) => row.Work.VisibleScores * row.Work.Batch;
}
