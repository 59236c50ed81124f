using System.Globalization;

namespace Kernels.Compiler.Emit;

/// <summary>Literals of OpenCL C.</summary>
internal static class C
{
    /// <summary>A float literal that reads back as exactly the float nearest to <paramref name="value"/>.</summary>
    public static string Float(double value)
    {
        string digits = ((float)value).ToString("G9", CultureInfo.InvariantCulture);
        return (digits.IndexOfAny(['.', 'E']) < 0 ? digits + ".0" : digits) + "f";
    }

    public static string Int(int value) => value.ToString(CultureInfo.InvariantCulture);
}
