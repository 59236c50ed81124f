using Kernels.Compiler.Emit;

namespace Kernels.Generators.Mods;

/// <summary>An expression in the lane vocabulary.</summary>
/// <param name="Text">Its text.</param>
/// <param name="Binding">How tightly its outermost operator binds.</param>
/// <param name="Type">Its type.</param>
/// <param name="IsUniform">Whether it is a scalar, the same in all lanes, instead of a value for each lane.</param>
internal sealed record LaneValue(string Text, Binding Binding, LaneType Type, bool IsUniform)
{
    /// <summary>The ints it can have.</summary>
    public IntRange Range { get; init; } = IntRange.Full;

    /// <summary>Its value, if it is a constant.</summary>
    public object? Constant { get; init; }

    /// <summary>The same bits as a sum of unsigned ints, if it was calculated so: a longer sum goes on from there.</summary>
    public LaneValue? Unsigned { get; init; }

    /// <summary>Whether it reads a variable that is assigned later, so that the text may come to mean something else.</summary>
    public bool IsMutable { get; init; }

    /// <summary>Whether the text is a name or a literal, which may be repeated.</summary>
    public bool IsSimple =>
        Constant is not null || Text.All(c => c is '_' or (>= '0' and <= '9') or (>= 'a' and <= 'z') or (>= 'A' and <= 'Z'));

    public static LaneValue Of(int value) => new(Literal(value), Binding.Primary, LaneType.Int, true)
    {
        Constant = value,
        Range = IntRange.Of(value),
    };

    public static LaneValue Of(float value) => new(Literal(value), Binding.Primary, LaneType.Float, true) { Constant = value };

    public static LaneValue Of(bool value) => new(value ? "1" : "0", Binding.Primary, LaneType.Bool, true) { Constant = value };

    /// <summary>The text, in parentheses unless it binds at least as tightly as <paramref name="least"/>.</summary>
    public string In(Binding least) => Binding >= least ? Text : $"({Text})";

    private static string Literal(int value) => value switch
    {
        int.MinValue => "(-2147483647 - 1)",
        < 0 => $"({C.Int(value)})",
        _ => C.Int(value),
    };

    private static string Literal(float value)
    {
        if (float.IsNaN(value))
        {
            return "NAN";
        }

        // Not every framework that runs compilers writes the sign of −0.
        bool isNegative = value < 0 || (value == 0 && 1 / value < 0);
        float magnitude = isNegative ? -value : value;
        string text = float.IsInfinity(magnitude) ? "INFINITY" : C.Float(magnitude);
        return isNegative ? $"(-{text})" : text;
    }
}
