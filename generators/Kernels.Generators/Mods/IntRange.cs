namespace Kernels.Generators.Mods;

/// <summary>The ints that an expression can have, both ends included; wider than int where a result could overflow.</summary>
internal readonly record struct IntRange(long Low, long High)
{
    public static IntRange Full => new(int.MinValue, int.MaxValue);

    public static IntRange NotNegative => new(0, int.MaxValue);

    public bool FitsInt => Low >= int.MinValue && High <= int.MaxValue;

    public bool IsNotNegative => Low >= 0;

    private long Magnitude => Math.Max(Math.Abs(Low), Math.Abs(High));

    public static IntRange Of(int value) => new(value, value);

    public static IntRange operator +(IntRange a, IntRange b) => new(a.Low + b.Low, a.High + b.High);

    public static IntRange operator -(IntRange a, IntRange b) => new(a.Low - b.High, a.High - b.Low);

    public static IntRange operator -(IntRange a) => new(-a.High, -a.Low);

    // Products of two ints lie far inside a long.
    public static IntRange operator *(IntRange a, IntRange b)
    {
        long w = a.Low * b.Low, x = a.Low * b.High, y = a.High * b.Low, z = a.High * b.High;
        return new(Math.Min(Math.Min(w, x), Math.Min(y, z)), Math.Max(Math.Max(w, x), Math.Max(y, z)));
    }

    /// <summary>Quotients, where there are any.</summary>
    public static IntRange operator /(IntRange a, IntRange b) => a.Low >= 0 && b.Low > 0
        ? new(a.Low / b.High, a.High / b.Low)
        : new(-a.Magnitude, Math.Min(a.Magnitude, int.MaxValue));

    /// <summary>Remainders, which have the sign of the dividend and are closer to 0 than the divisor.</summary>
    public static IntRange operator %(IntRange a, IntRange b)
    {
        long most = Math.Min(a.Magnitude, Math.Max(b.Magnitude - 1, 0));
        return new(a.Low >= 0 ? 0 : -most, a.High <= 0 ? 0 : most);
    }

    /// <summary>Bitwise and: not negative, and no larger, as soon as one side is not.</summary>
    public static IntRange operator &(IntRange a, IntRange b) => (a.IsNotNegative, b.IsNotNegative) switch
    {
        (true, true) => new(0, Math.Min(a.High, b.High)),
        (true, false) => new(0, a.High),
        (false, true) => new(0, b.High),
        _ => Full,
    };

    public IntRange ShiftRight(IntRange count) => count.Low == count.High
        ? new(Low >> ((int)count.Low & 31), High >> ((int)count.Low & 31))
        : new(Math.Min(Low, 0), Math.Max(High, 0));

    public IntRange Union(IntRange other) => new(Math.Min(Low, other.Low), Math.Max(High, other.High));

    public IntRange Min(IntRange other) => new(Math.Min(Low, other.Low), Math.Min(High, other.High));

    public IntRange Max(IntRange other) => new(Math.Max(Low, other.Low), Math.Max(High, other.High));

    /// <summary>Absolute values; that of the least int, for which C# throws, is the least int again in kernels.</summary>
    public IntRange Abs() => new(
        Low == int.MinValue ? Low : Low <= 0 && High >= 0 ? 0 : Math.Min(Math.Abs(Low), Math.Abs(High)),
        Math.Min(Magnitude, int.MaxValue));

    /// <summary>Values between two bounds; where the lower one is above the upper one, for which C# throws, either bound.</summary>
    public IntRange Clamp(IntRange least, IntRange most)
    {
        IntRange ordered = Max(least).Min(most);
        return least.High > most.Low ? ordered.Union(least).Union(most) : ordered;
    }
}
