namespace Kernels.Generators.Mods;

/// <summary>
/// Functions that a mod's text brings along where C# and OpenCL C differ, or where an operand is needed more than once. Each
/// exists for lanes and for scalars.
/// </summary>
/// <param name="Name">Its name, after the mod's prefix.</param>
/// <param name="Result">What it returns.</param>
/// <param name="Parameters">Their types and names.</param>
/// <param name="Comment">What it does, without the slashes.</param>
/// <param name="Body">Its statements, for lanes.</param>
internal sealed record LaneHelper(
    string Name, LaneType Result, IReadOnlyList<(LaneType Type, string Name)> Parameters,
    string Comment, string Body)
{
    private static readonly (LaneType, string)[] TwoInts = [(LaneType.Int, "a"), (LaneType.Int, "b")];

    private static readonly (LaneType, string)[] TwoFloats = [(LaneType.Float, "a"), (LaneType.Float, "b")];

    public static readonly LaneHelper Divide = new("divide", LaneType.Int, TwoInts,
        "a / b; where C# throws it is 0 for b = 0, and wraps for the least int over -1. No processor ever faults.",
        """
        const lanes_int quotient = a / lanes_select(b, (lanes_int)(1), b == 0 || (b == -1 && a == -2147483647 - 1));
        return lanes_select(quotient, (lanes_int)(0), b == 0);
        """);

    public static readonly LaneHelper Remainder = new("remainder", LaneType.Int, TwoInts,
        "a % b; where C# throws it is 0. No processor ever faults.",
        "return a % lanes_select(b, (lanes_int)(1), b == 0 || (b == -1 && a == -2147483647 - 1));");

    public static readonly LaneHelper Min = new("min", LaneType.Float, TwoFloats,
        "The lesser as in C#: NaN where one is NaN, and -0 below 0.",
        """
        const lanes_float lesser = lanes_select(b, a, a < b || a != a);
        return lanes_select(lesser, as_lanes_float(as_lanes_int(a) | as_lanes_int(b)), a == b);
        """);

    public static readonly LaneHelper Max = new("max", LaneType.Float, TwoFloats,
        "The greater as in C#: NaN where one is NaN, and 0 above -0.",
        """
        const lanes_float greater = lanes_select(b, a, a > b || a != a);
        return lanes_select(greater, as_lanes_float(as_lanes_int(a) & as_lanes_int(b)), a == b);
        """);

    public static readonly LaneHelper Clamp = new("clamp", LaneType.Float,
        [(LaneType.Float, "x"), (LaneType.Float, "least"), (LaneType.Float, "most")],
        "x between two bounds, and NaN where it is NaN.",
        "return lanes_select(lanes_select(x, most, x > most), least, x < least);");

    public static readonly LaneHelper Abs = new("abs", LaneType.Int, [(LaneType.Int, "x")],
        "|x|, without abs(), whose unsigned vectors PoCL makes one by one.",
        "return max(x, as_lanes_int(-as_lanes_uint(x)));");

    public static readonly LaneHelper SignOfFloat = new("sign_of_float", LaneType.Int, [(LaneType.Float, "x")],
        "-1, 0 or 1.",
        "return lanes_select(lanes_select((lanes_int)(0), (lanes_int)(-1), x < 0.0f), (lanes_int)(1), x > 0.0f);");

    public static readonly LaneHelper SignOfInt = new("sign_of_int", LaneType.Int, [(LaneType.Int, "x")],
        "-1, 0 or 1.",
        "return lanes_select(lanes_select((lanes_int)(0), (lanes_int)(-1), x < 0), (lanes_int)(1), x > 0);");

    public static readonly LaneHelper ToInt = new("to_int", LaneType.Int, [(LaneType.Float, "x")],
        "Truncated as in C#: 0 for NaN, and the nearest int where x is out of range.",
        """
        const lanes_int inside = fabs(x) < 2147483648.0f;
        const lanes_int outside = lanes_select(lanes_select((lanes_int)(0), (lanes_int)(-2147483647 - 1), x < 0.0f), (lanes_int)(2147483647), x > 0.0f);
        return lanes_select(outside, convert_lanes_int(lanes_select((lanes_float)(0.0f), x, inside)), inside);
        """);

    public static readonly IReadOnlyList<LaneHelper> All = [Divide, Remainder, Min, Max, Clamp, Abs, SignOfFloat, SignOfInt, ToInt];

    /// <summary>The function's name in a mod.</summary>
    public string FullName(string prefix, bool isUniform) => $"{prefix}_{Name}{(isUniform ? "_uniform" : "")}";

    /// <summary>The function's text.</summary>
    public string Write(string prefix, bool isUniform)
    {
        string parameters = string.Join(", ",
            Parameters.Select(parameter => $"{Vocabulary.TypeOf(parameter.Type, isUniform)} {parameter.Name}"));
        string body = string.Join("\n",
            Body.Replace("\r\n", "\n").Split('\n').Select(line => "    " + (isUniform ? Vocabulary.ToScalars(line) : line)));
        return $"// {Comment}\nstatic {Vocabulary.TypeOf(Result, isUniform)} {FullName(prefix, isUniform)}({parameters})\n{{\n{body}\n}}\n";
    }
}
