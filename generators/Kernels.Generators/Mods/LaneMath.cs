using Microsoft.CodeAnalysis;

namespace Kernels.Generators.Mods;

/// <summary>
/// The framework's methods that have an exact counterpart in OpenCL C: the same results for every argument, up to the error that
/// OpenCL allows a function. Methods that differ at NaN, at a bound or in rounding go through a helper or are left out.
/// </summary>
internal static class LaneMath
{
    /// <summary>A call's arguments in the order of the parameters.</summary>
    /// <param name="Values">Values of int, float and bool; null for others.</param>
    /// <param name="Constants">Constants.</param>
    public sealed record CallArguments(IReadOnlyList<LaneValue?> Values, IReadOnlyList<object?> Constants)
    {
        public LaneValue this[int index] => Values[index]!;
    }

    /// <summary>Translates a call; null for arguments with which it has no counterpart.</summary>
    public delegate LaneValue? Translation(FunctionTranslator translator, CallArguments arguments);

    /// <summary>Functions of floats that are called the same way in both languages: C#'s name and OpenCL's.</summary>
    private static readonly IReadOnlyDictionary<string, string> Same = new Dictionary<string, string>
    {
        ["Abs/1"] = "fabs",
        ["Ceiling/1"] = "ceil",
        ["Floor/1"] = "floor",
        ["Truncate/1"] = "trunc",
        ["Round/1"] = "rint", // to even, in both
        ["Sqrt/1"] = "sqrt",
        ["Cbrt/1"] = "cbrt",
        ["Exp/1"] = "exp",
        ["Exp2/1"] = "exp2",
        ["Exp10/1"] = "exp10",
        ["Log/1"] = "log",
        ["Log2/1"] = "log2",
        ["Log10/1"] = "log10",
        ["Pow/2"] = "pow",
        ["Hypot/2"] = "hypot",
        ["Sin/1"] = "sin",
        ["Cos/1"] = "cos",
        ["Tan/1"] = "tan",
        ["Asin/1"] = "asin",
        ["Acos/1"] = "acos",
        ["Atan/1"] = "atan",
        ["Atan2/2"] = "atan2",
        ["Sinh/1"] = "sinh",
        ["Cosh/1"] = "cosh",
        ["Tanh/1"] = "tanh",
        ["Asinh/1"] = "asinh",
        ["Acosh/1"] = "acosh",
        ["Atanh/1"] = "atanh",
        ["CopySign/2"] = "copysign",
        ["IEEERemainder/2"] = "remainder",
        ["Ieee754Remainder/2"] = "remainder",
        ["FusedMultiplyAdd/3"] = "fma",
    };

    private static readonly IReadOnlyDictionary<string, Translation> OfFloats = new Dictionary<string, Translation>
    {
        ["Min/2"] = (translator, x) => translator.Help(LaneHelper.Min, x[0], x[1]),
        ["Max/2"] = (translator, x) => translator.Help(LaneHelper.Max, x[0], x[1]),
        ["Clamp/3"] = (translator, x) => translator.Help(LaneHelper.Clamp, x[0], x[1], x[2]),
        ["Sign/1"] = (translator, x) => translator.Help(LaneHelper.SignOfFloat, x[0]) with { Range = new(-1, 1) },
        ["BitIncrement/1"] = (_, x) => FunctionTranslator.Builtin("nextafter", LaneType.Float, x[0], LaneValue.Of(float.PositiveInfinity)),
        ["BitDecrement/1"] = (_, x) => FunctionTranslator.Builtin("nextafter", LaneType.Float, x[0], LaneValue.Of(float.NegativeInfinity)),
        ["ScaleB/2"] = (_, x) => FunctionTranslator.Builtin("ldexp", LaneType.Float, x[0], x[1]),
        ["Round/2"] = Round,
        ["IsNaN/1"] = (_, x) => FunctionTranslator.Builtin("isnan", LaneType.Bool, x[0]),
        ["IsInfinity/1"] = (_, x) => FunctionTranslator.Builtin("isinf", LaneType.Bool, x[0]),
        ["IsFinite/1"] = (_, x) => FunctionTranslator.Builtin("isfinite", LaneType.Bool, x[0]),
        ["IsNormal/1"] = (_, x) => FunctionTranslator.Builtin("isnormal", LaneType.Bool, x[0]),
        ["IsPositiveInfinity/1"] = (_, x) => FunctionTranslator.Compare(x[0], "==", LaneValue.Of(float.PositiveInfinity)),
        ["IsNegativeInfinity/1"] = (_, x) => FunctionTranslator.Compare(x[0], "==", LaneValue.Of(float.NegativeInfinity)),
        ["IsNegative/1"] = (_, x) => FunctionTranslator.Compare(FunctionTranslator.Bits(LaneType.Int, x[0]), "<", LaneValue.Of(0)),
        ["IsPositive/1"] = (_, x) => FunctionTranslator.Compare(FunctionTranslator.Bits(LaneType.Int, x[0]), ">=", LaneValue.Of(0)),
        ["SingleToInt32Bits/1"] = (_, x) => FunctionTranslator.Bits(LaneType.Int, x[0]),
    };

    private static readonly IReadOnlyDictionary<string, Translation> OfInts = new Dictionary<string, Translation>
    {
        ["Abs/1"] = (translator, x) => translator.Help(LaneHelper.Abs, x[0]) with { Range = x[0].Range.Abs() },
        ["Min/2"] = (_, x) => FunctionTranslator.Builtin("min", LaneType.Int, x[0], x[1]) with { Range = x[0].Range.Min(x[1].Range) },
        ["Max/2"] = (_, x) => FunctionTranslator.Builtin("max", LaneType.Int, x[0], x[1]) with { Range = x[0].Range.Max(x[1].Range) },
        ["Clamp/3"] = (_, x) =>
            FunctionTranslator.Builtin("clamp", LaneType.Int, x[0], x[1], x[2])
                with { Range = x[0].Range.Clamp(x[1].Range, x[2].Range) },
        ["Sign/1"] = (translator, x) => translator.Help(LaneHelper.SignOfInt, x[0]) with { Range = new(-1, 1) },
        ["PopCount/1"] = (_, x) => FunctionTranslator.Builtin("popcount", LaneType.Int, x[0]) with { Range = new(0, 32) },
        ["LeadingZeroCount/1"] = (_, x) => FunctionTranslator.Builtin("clz", LaneType.Int, x[0]) with { Range = new(0, 32) },
        ["RotateLeft/2"] = (_, x) => FunctionTranslator.Builtin("rotate", LaneType.Int, x[0], x[1]),
        ["IsNegative/1"] = (_, x) => FunctionTranslator.Compare(x[0], "<", LaneValue.Of(0)),
        ["IsPositive/1"] = (_, x) => FunctionTranslator.Compare(x[0], ">=", LaneValue.Of(0)),
        ["Int32BitsToSingle/1"] = (_, x) => FunctionTranslator.Bits(LaneType.Float, x[0]),
    };

    /// <summary>How to do without a method that has no counterpart. {0} and {1} are its arguments.</summary>
    private static readonly IReadOnlyDictionary<string, string> Instead = new Dictionary<string, string>
    {
        ["ReciprocalEstimate/1"] = "write 1f / {0}",
        ["ReciprocalSqrtEstimate/1"] = "write 1f / MathF.Sqrt({0})",
        ["Log/2"] = "write MathF.Log({0}) / MathF.Log({1})",
        ["SinCos/1"] = "call MathF.Sin and MathF.Cos",
        ["DivRem/2"] = "use / and %",
        ["BigMul/2"] = "use *, which wraps",
        ["ILogB/1"] = "shift the exponent out of BitConverter.SingleToInt32Bits({0})",
        ["MaxMagnitude/2"] = "compare MathF.Abs of both",
        ["MinMagnitude/2"] = "compare MathF.Abs of both",
        ["Round/2"] = "round to an integer, with a constant MidpointRounding",
        ["Round/3"] = "round to an integer, with a constant MidpointRounding",
    };

    public static bool Find(IMethodSymbol method, out Translation translation)
    {
        string key = Key(method);
        SpecialType first = method.Parameters.FirstOrDefault()?.Type.SpecialType ?? SpecialType.None;
        translation = null!;
        if (!IsMath(method)
            || method.ReturnType.SpecialType is not (SpecialType.System_Single or SpecialType.System_Int32 or SpecialType.System_Boolean))
        {
            return false;
        }

        if (first == SpecialType.System_Single)
        {
            if (Same.TryGetValue(key, out string? name))
            {
                translation = (_, x) => FunctionTranslator.Builtin(name, LaneType.Float, [.. x.Values.Select(value => value!)]);
                return true;
            }

            return OfFloats.TryGetValue(key, out translation!);
        }

        return first == SpecialType.System_Int32 && OfInts.TryGetValue(key, out translation!);
    }

    /// <summary>Whether a method is one of the framework's on numbers.</summary>
    public static bool IsMath(IMethodSymbol method) => method.IsStatic
        && method.ContainingType is
            { Name: "Math" or "MathF" or "Single" or "Double" or "Int32" or "BitConverter", ContainingType: null } type
        && type.ContainingNamespace is { Name: "System", ContainingNamespace.IsGlobalNamespace: true };

    /// <summary>What to write instead of a method that has no counterpart, or null.</summary>
    public static string? Advice(IMethodSymbol method, IReadOnlyList<string> arguments)
    {
        if (!IsMath(method))
        {
            return null;
        }

        if (method.Parameters.Any(parameter => parameter.Type.SpecialType is SpecialType.System_Double or SpecialType.System_Decimal))
        {
            string key = Key(method);
            return Same.ContainsKey(key) || OfFloats.ContainsKey(key)
                ? $"it calculates in double: call MathF.{method.Name}"
                : "it calculates in double: use float and MathF";
        }

        return Instead.TryGetValue(Key(method), out string? advice)
            ? string.Format(System.Globalization.CultureInfo.InvariantCulture, advice, arguments.Concat(["", ""]).ToArray<object>())
            : "use the methods of MathF and Math";
    }

    private static string Key(IMethodSymbol method) =>
        method.Name + "/" + method.Parameters.Length.ToString(System.Globalization.CultureInfo.InvariantCulture);

    /// <summary>Rounding to an integer with a mode, which is an enum constant.</summary>
    private static LaneValue? Round(FunctionTranslator translator, CallArguments arguments)
    {
        // With an int as second argument, it is to that many digits.
        string? name = arguments.Values[1] is not null ? null : arguments.Constants[1] switch
        {
            0 => "rint",
            1 => "round",
            2 => "trunc",
            3 => "floor",
            4 => "ceil",
            _ => null,
        };
        return name is null ? null : FunctionTranslator.Builtin(name, LaneType.Float, arguments[0]);
    }
}
