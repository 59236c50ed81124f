using System.Globalization;

namespace Kernels.Benchmarks.Compare;

/// <summary>Something that is asked of a row: a number and the least that it may be.</summary>
/// <param name="Least">The least.</param>
internal abstract record Bar(double Least)
{
    /// <summary>What is asked, such as "≥ 1.35× ONNX Runtime".</summary>
    public abstract string Text { get; }

    /// <summary>The number as it was measured; null where what it is compared with was not.</summary>
    public abstract double? Measure(RowResult row);

    /// <summary>A number as <see cref="Text"/> writes it.</summary>
    public abstract string Format(double value);

    /// <summary>Whether a number is what is asked for.</summary>
    public virtual bool IsMet(double value) => value >= Least;

    /// <summary>1.35×</summary>
    protected static string Times(double value) => string.Create(CultureInfo.InvariantCulture, $"{value:0.00}×");

    /// <summary>80 %</summary>
    protected static string Percent(double value) => string.Create(CultureInfo.InvariantCulture, $"{100 * value:0.#} %");
}

/// <summary>A share of the ceiling that limits the work, of the same process.</summary>
internal sealed record CeilingBar(double Least) : Bar(Least)
{
    public override string Text => $"≥ {Percent(Least)} of ceiling";

    public override double? Measure(RowResult row) => row.CeilingShare;

    public override string Format(double value) => Percent(value);
}

/// <summary>A rate of arithmetic, in TFLOP/s.</summary>
internal sealed record RateBar(double Least) : Bar(Least)
{
    public override string Text => $"≥ {Format(Least)}";

    public override double? Measure(RowResult row) => row.Row.Work.Flops / row.Ours?.Seconds / 1e12;

    public override string Format(double value) => string.Create(CultureInfo.InvariantCulture, $"{value:0} TFLOP/s");
}

/// <summary>How many times as fast as a peer.</summary>
/// <param name="Peer">The peer; null: the fastest of all.</param>
/// <param name="Least">The least.</param>
internal sealed record PeerBar(string? Peer, double Least) : Bar(Least)
{
    public override string Text => $"≥ {Times(Least)} {Peer ?? "the best peer"}";

    public override double? Measure(RowResult row)
    {
        Measured? peer = row.Peers.Where(measured => Peer is null || measured.Participant == Peer).MinBy(measured => measured.Seconds);
        return peer?.Seconds / row.Ours?.Seconds;
    }

    public override string Format(double value) => Times(value);
}

/// <summary>What is asked beside our own kernels in another row; both are sampled within each process.</summary>
/// <param name="Other">The other row.</param>
/// <param name="Least">The least.</param>
internal abstract record OtherRowBar(Row Other, double Least) : Bar(Least);

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
