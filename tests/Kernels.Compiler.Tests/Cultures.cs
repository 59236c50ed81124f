using System.Globalization;

namespace Kernels.Compiler.Tests;

/// <summary>Other ways to write numbers.</summary>
internal static class Cultures
{
    /// <summary>
    /// A comma for the decimal point, points between thousands, another minus sign: made here, because invariant globalization has no data
    /// of real ones.
    /// </summary>
    public static CultureInfo Foreign { get; } = new("")
    {
        NumberFormat = { NumberDecimalSeparator = ",", NumberGroupSeparator = ".", NegativeSign = "\u2212" },
    };

    public static T Under<T>(CultureInfo culture, Func<T> action)
    {
        CultureInfo before = CultureInfo.CurrentCulture;
        CultureInfo.CurrentCulture = culture;
        try
        {
            return action();
        }
        finally
        {
            CultureInfo.CurrentCulture = before;
        }
    }
}
