using System.Globalization;

namespace Kernels.Benchmarks.Compare;

/// <summary>Numbers as a person reads them, with three digits.</summary>
internal static class Units
{
    /// <summary>12.3 ms</summary>
    public static string Time(double seconds) => seconds < 1e-3 ? $"{Digits(seconds * 1e6)} µs" : seconds < 1
        ? $"{Digits(seconds * 1e3)} ms" : $"{Digits(seconds)} s";

    /// <summary>31.6 GB/s, or 208 GFLOP/s.</summary>
    public static string Rate(double rate, Bound bound)
    {
        (double factor, string unit) = RateUnit(rate, bound);
        return $"{Digits(rate / factor)} {unit}";
    }

    /// <summary>What rates as large as this are said in, and how much one of it is: 1e12 and TFLOP/s.</summary>
    public static (double Factor, string Unit) RateUnit(double rate, Bound bound)
    {
        string unit = bound == Bound.Memory ? "B/s" : "FLOP/s";
        return rate < 1e12 ? (1e9, "G" + unit) : (1e12, "T" + unit);
    }

    /// <summary>84.1 MB</summary>
    public static string Bytes(double bytes) => bytes < 1e9 ? $"{Digits(bytes / 1e6)} MB" : $"{Digits(bytes / 1e9)} GB";

    /// <summary>1.35×</summary>
    public static string Times(double value) => string.Create(CultureInfo.InvariantCulture, $"{value:0.00}×");

    /// <summary>84 %</summary>
    public static string Percent(double share) => string.Create(CultureInfo.InvariantCulture, $"{100 * share:0} %");

    private static string Digits(double value) =>
        value.ToString(value < 9.995 ? "0.00" : value < 99.95 ? "0.0" : "0", CultureInfo.InvariantCulture);
}
