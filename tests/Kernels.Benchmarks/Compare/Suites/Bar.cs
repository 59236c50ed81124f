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
