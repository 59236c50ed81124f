using System.Numerics;

namespace Kernels.Decoding;

/// <summary>The tests of Jinja2: what may follow <c>is</c>.</summary>
internal static class JinjaTests
{
    private static readonly Dictionary<string, string> Signs = new()
    {
        ["eq"] = "==", ["equalto"] = "==", ["=="] = "==", ["ne"] = "!=", ["!="] = "!=", ["lt"] = "<", ["lessthan"] = "<", ["<"] = "<",
        ["le"] = "<=", ["<="] = "<=", ["gt"] = ">", ["greaterthan"] = ">", [">"] = ">", ["ge"] = ">=", [">="] = ">=", ["in"] = "in",
    };

    private static readonly Dictionary<string, Func<JinjaRun, object?, bool>> Plain = new()
    {
        ["defined"] = (_, value) => value is not JinjaUndefined,
        ["undefined"] = (_, value) => value is JinjaUndefined,
        ["none"] = (_, value) => value is null,
        ["boolean"] = (_, value) => value is bool,
        ["true"] = (_, value) => value is true,
        ["false"] = (_, value) => value is false,
        ["integer"] = (_, value) => value is long or BigInteger,
        ["float"] = (_, value) => value is double,
        ["number"] = (_, value) => JinjaNumber.IsNumber(value),
        ["string"] = (_, value) => value is string,
        ["mapping"] = (_, value) => value is JinjaDictionary,
        ["sequence"] = (_, value) => value is string or JinjaDictionary or JinjaUndefined or JinjaList { HasPlaces: true },
        ["iterable"] = (_, value) => value is string or JinjaDictionary or JinjaUndefined or JinjaList,
        ["callable"] = (_, value) => value is JinjaFunction,
        ["escaped"] = (_, _) => false,
        ["even"] = (run, value) => JinjaValue.AreEqual(run, JinjaOperators.Calculate(run, "%", Number(run, value), 2L), 0L),
        ["odd"] = (run, value) => JinjaValue.AreEqual(run, JinjaOperators.Calculate(run, "%", Number(run, value), 2L), 1L),
        ["lower"] = (run, value) =>
            JinjaValue.Text(run, value) is var text && text != JinjaText.Upper(text) && text == JinjaText.Lower(text),
        ["upper"] = (run, value) =>
            JinjaValue.Text(run, value) is var text && text != JinjaText.Lower(text) && text == JinjaText.Upper(text),
        ["filter"] = (_, value) => value is string name && JinjaFilters.Exists(name),
        ["test"] = (_, value) => value is string name && Exists(name),
    };

    public static bool Exists(string name) => Plain!.ContainsKey(name) || Signs.ContainsKey(name) || name is "divisibleby" or "sameas";

    public static bool Apply(JinjaRun run, string name, object? value, JinjaArguments arguments)
    {
        if (Plain.TryGetValue(name, out Func<JinjaRun, object?, bool>? test))
        {
            arguments.Bind(run, name, 0);
            return test(run, value);
        }

        if (Signs.TryGetValue(name, out string? sign))
        {
            return JinjaOperators.Compare(run, sign, value, arguments.Bind(run, name, 1, "other")[0]);
        }

        return name switch
        {
            "divisibleby" => JinjaValue.AreEqual(
                run, JinjaOperators.Calculate(run, "%", Number(run, value), arguments.Bind(run, name, 1, "num")[0]), 0L),
            "sameas" => IsSame(value, arguments.Bind(run, name, 1, "other")[0]),
            _ => throw run.Fail($"there is no test '{name}' here"),
        };
    }

    private static object? Number(JinjaRun run, object? value)
    {
        JinjaValue.CheckDefined(run, value);
        return JinjaNumber.IsNumber(value) ? value : throw run.Fail($"a value of the type {JinjaValue.TypeName(value)} is no number");
    }

    private static bool IsSame(object? a, object? b) => (a, b) switch
    {
        (bool x, bool y) => x == y,
        (long x, long y) => x == y,
        (string x, string y) => x == y,
        _ => ReferenceEquals(a, b),
    };
}
