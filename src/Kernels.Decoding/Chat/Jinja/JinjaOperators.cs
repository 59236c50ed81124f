namespace Kernels.Decoding;

/// <summary>Python's operators.</summary>
internal static class JinjaOperators
{
    public static object? Calculate(JinjaRun run, string sign, object? a, object? b)
    {
        JinjaValue.CheckDefined(run, a);
        if (sign == "%" && a is string format)
        {
            return JinjaFormat.Percent(run, format, b);
        }

        JinjaValue.CheckDefined(run, b);
        if (JinjaNumber.IsNumber(a) && JinjaNumber.IsNumber(b))
        {
            return sign switch
            {
                "+" => JinjaNumber.Add(run, a, b),
                "-" => JinjaNumber.Subtract(run, a, b),
                "*" => JinjaNumber.Multiply(run, a, b),
                "/" => JinjaNumber.Divide(run, a, b),
                "//" => JinjaNumber.FloorDivide(run, a, b),
                "%" => JinjaNumber.Modulo(run, a, b),
                _ => JinjaNumber.Power(run, a, b),
            };
        }

        switch (sign, a, b)
        {
            case ("+", string x, string y):
                run.Allocate((long)x.Length + y.Length);
                return x + y;
            case ("+", JinjaList x, JinjaList y) when x.Kind == y.Kind && x.Kind is JinjaSequenceKind.List or JinjaSequenceKind.Tuple:
                run.Charge((long)x.Items.Count + y.Items.Count);
                return new JinjaList([.. x.Items, .. y.Items], x.Kind);
            case ("*", string text, _) when JinjaNumber.IsWhole(b):
                return JinjaValue.Repeat(run, text, b);
            case ("*", _, string text) when JinjaNumber.IsWhole(a):
                return JinjaValue.Repeat(run, text, a);
            case ("*", JinjaList list, _) when JinjaNumber.IsWhole(b):
                return Repeat(run, list, b);
            case ("*", _, JinjaList list) when JinjaNumber.IsWhole(a):
                return Repeat(run, list, a);
            default:
                throw run.Fail($"'{sign}' cannot be applied to values of the types {JinjaValue.TypeName(a)} and {JinjaValue.TypeName(b)}");
        }
    }

    public static object? Sign(JinjaRun run, object? value, bool negative)
    {
        JinjaValue.CheckDefined(run, value);
        return !JinjaNumber.IsNumber(value)
            ? throw run.Fail($"a value of the type {JinjaValue.TypeName(value)} has no sign")
            : negative ? JinjaNumber.Negate(value) : value is bool ? JinjaNumber.Normalise(JinjaNumber.Whole(value)) : value;
    }

    public static bool Compare(JinjaRun run, string sign, object? a, object? b) => sign switch
    {
        "==" => JinjaValue.AreEqual(run, a, b),
        "!=" => !JinjaValue.AreEqual(run, a, b),
        "in" => JinjaValue.Contains(run, b, a),
        "not in" => !JinjaValue.Contains(run, b, a),
        "<" => JinjaValue.Compare(run, a, b) < 0,
        "<=" => JinjaValue.Compare(run, a, b) <= 0,
        ">" => JinjaValue.Compare(run, a, b) > 0,
        _ => JinjaValue.Compare(run, a, b) >= 0,
    };

    private static JinjaList Repeat(JinjaRun run, JinjaList list, object? times)
    {
        if (list.Kind is not (JinjaSequenceKind.List or JinjaSequenceKind.Tuple))
        {
            throw run.Fail($"'*' cannot be applied to a value of the type {JinjaValue.TypeName(list)}");
        }

        long count = Math.Max(0, JinjaNumber.Index(times)!.Value);
        run.Charge(list.Items.Count * count);
        var items = new List<object?>();
        for (long i = 0; i < count && list.Items.Count > 0; i++)
        {
            items.AddRange(list.Items);
        }

        return new JinjaList(items, list.Kind);
    }
}
