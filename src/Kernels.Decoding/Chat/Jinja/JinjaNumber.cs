using System.Globalization;
using System.Numerics;

namespace Kernels.Decoding;

/// <summary>
/// Numbers as Python has them: whole numbers without end (here <see cref="long"/>, <see cref="BigInteger"/> beyond it, and a named
/// error where they grow too long), <see cref="double"/>, and booleans that count as 0 and 1.
/// </summary>
internal static class JinjaNumber
{
    /// <summary>The most digits that a whole number is read with.</summary>
    public const int MaxDigits = 1000;

    private const long MaxBits = 4096;

    /// <summary>The number in its form: <see cref="long"/> if it fits.</summary>
    public static object Normalise(BigInteger value) => value >= long.MinValue && value <= long.MaxValue ? (object)(long)value : value;

    /// <summary>Whether a value is a whole number, booleans among them.</summary>
    public static bool IsWhole(object? value) => value is long or bool or BigInteger;

    public static bool IsNumber(object? value) => value is long or bool or BigInteger or double;

    /// <summary>The whole number that a value is.</summary>
    public static BigInteger Whole(object? value) => value switch
    {
        long number => number,
        bool flag => flag ? 1 : 0,
        _ => (BigInteger)value!,
    };

    public static double Real(object? value) => value switch
    {
        double real => real,
        long number => number,
        bool flag => flag ? 1 : 0,
        _ => (double)(BigInteger)value!,
    };

    /// <summary>A value as an index: cut off at the ends of <see cref="int"/>; null if it is no whole number.</summary>
    public static int? Index(object? value) => value switch
    {
        long number => (int)Math.Clamp(number, int.MinValue + 1, int.MaxValue),
        bool flag => flag ? 1 : 0,
        BigInteger number => number.Sign < 0 ? int.MinValue + 1 : int.MaxValue,
        _ => null,
    };

    /// <summary>The order of two numbers; null where one is not a number.</summary>
    public static int? Compare(object? a, object? b)
    {
        if (a is long x && b is long y)
        {
            return x.CompareTo(y);
        }

        if (IsWhole(a) && IsWhole(b))
        {
            return Whole(a).CompareTo(Whole(b));
        }

        double p = Real(a);
        double q = Real(b);
        if (double.IsNaN(p) || double.IsNaN(q))
        {
            return null;
        }

        // A whole number may have more digits than a real one.
        if ((a is double && b is double) || p != q || double.IsInfinity(p))
        {
            return p.CompareTo(q);
        }

        return a is double ? new BigInteger(p).CompareTo(Whole(b)) : Whole(a).CompareTo(new BigInteger(q));
    }

    public static object Add(JinjaRun run, object? a, object? b) =>
        a is long x && b is long y && !Overflows(x, y) ? x + y : Whole(run, a, b) ? Bounded(run, Whole(a) + Whole(b)) : Real(a) + Real(b);

    public static object Subtract(JinjaRun run, object? a, object? b) =>
        Whole(run, a, b) ? Bounded(run, Whole(a) - Whole(b)) : Real(a) - Real(b);

    public static object Multiply(JinjaRun run, object? a, object? b) =>
        Whole(run, a, b) ? Bounded(run, Whole(a) * Whole(b)) : Real(a) * Real(b);

    public static object Divide(JinjaRun run, object? a, object? b) => Real(a) / Real(NotZero(run, b));

    /// <summary>The quotient, rounded down.</summary>
    public static object FloorDivide(JinjaRun run, object? a, object? b)
    {
        NotZero(run, b);
        if (!Whole(run, a, b))
        {
            return Math.Floor(Real(a) / Real(b));
        }

        BigInteger quotient = BigInteger.DivRem(Whole(a), Whole(b), out BigInteger rest);
        return Normalise(!rest.IsZero && rest.Sign != Whole(b).Sign ? quotient - 1 : quotient);
    }

    /// <summary>What is left over, with the sign of the divisor.</summary>
    public static object Modulo(JinjaRun run, object? a, object? b)
    {
        NotZero(run, b);
        if (Whole(run, a, b))
        {
            BigInteger rest = BigInteger.Remainder(Whole(a), Whole(b));
            return Normalise(!rest.IsZero && rest.Sign != Whole(b).Sign ? rest + Whole(b) : rest);
        }

        double divisor = Real(b);
        double left = Real(a) % divisor;
        return left != 0 && (left < 0) != (divisor < 0) ? left + divisor : left;
    }

    public static object Power(JinjaRun run, object? a, object? b)
    {
        if (!Whole(run, a, b) || Whole(b).Sign < 0)
        {
            if (Real(a) == 0 && Real(b) < 0)
            {
                throw run.Fail("0 cannot be raised to a negative power");
            }

            double power = Math.Pow(Real(a), Real(b));
            return double.IsNaN(power) && !double.IsNaN(Real(a)) && !double.IsNaN(Real(b))
                ? throw run.Fail("a negative number is raised to a power that is not whole")
                : power;
        }

        BigInteger radix = Whole(a);
        if (radix.IsZero || radix.IsOne || radix == BigInteger.MinusOne)
        {
            return Normalise(Whole(b).IsZero || radix.IsOne || (radix.Sign < 0 && Whole(b).IsEven) ? BigInteger.One : radix);
        }

        if (Whole(b) * radix.GetBitLength() > MaxBits * 2)
        {
            throw run.Fail("a whole number becomes too long");
        }

        return Bounded(run, BigInteger.Pow(radix, (int)Whole(b)));
    }

    public static object Negate(object? value) => value is double real ? -real : Normalise(-Whole(value));

    /// <summary>The shortest text that reads as the same number, in Python's form.</summary>
    public static string Text(double value)
    {
        if (!double.IsFinite(value))
        {
            return double.IsNaN(value) ? "nan" : value > 0 ? "inf" : "-inf";
        }

        if (value == 0)
        {
            return double.IsNegative(value) ? "-0.0" : "0.0";
        }

        // Digits and exponent out of whichever form .NET chose.
        string sign = value < 0 ? "-" : "";
        string[] parts = Math.Abs(value).ToString("R", CultureInfo.InvariantCulture).Split('E');
        int point = parts[0].IndexOf('.', StringComparison.Ordinal);
        string digits = parts[0].Replace(".", "", StringComparison.Ordinal);
        string mantissa = digits.TrimStart('0');
        int exponent = (point < 0 ? digits.Length : point) - 1 - (digits.Length - mantissa.Length)
            + (parts.Length > 1 ? int.Parse(parts[1], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture) : 0);
        mantissa = mantissa.TrimEnd('0');
        if (exponent is >= 16 or < -4)
        {
            string fraction = mantissa.Length > 1 ? "." + mantissa[1..] : "";
            return string.Create(
                CultureInfo.InvariantCulture, $"{sign}{mantissa[0]}{fraction}e{(exponent < 0 ? '-' : '+')}{Math.Abs(exponent):D2}");
        }

        if (exponent < 0)
        {
            return sign + "0." + new string('0', -exponent - 1) + mantissa;
        }

        string padded = mantissa.PadRight(exponent + 2, '0');
        return sign + padded[..(exponent + 1)] + "." + padded[(exponent + 1)..];
    }

    private static bool Overflows(long a, long b) => ((a ^ (a + b)) & (b ^ (a + b))) < 0;

    // Whether both are whole; one that is too great for a real number has no result with one.
    private static bool Whole(JinjaRun run, object? a, object? b)
    {
        if (IsWhole(a) && IsWhole(b))
        {
            return true;
        }

        return (a is BigInteger && double.IsInfinity(Real(a))) || (b is BigInteger && double.IsInfinity(Real(b)))
            ? throw run.Fail("a whole number is too great for a real one")
            : false;
    }

    private static object? NotZero(JinjaRun run, object? value) => Real(value) == 0 ? throw run.Fail("division by zero") : value;

    private static object Bounded(JinjaRun run, BigInteger value) =>
        value.GetBitLength() <= MaxBits ? Normalise(value) : throw run.Fail("a whole number becomes too long");
}
