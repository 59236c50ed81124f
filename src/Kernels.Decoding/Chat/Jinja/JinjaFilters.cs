using System.Globalization;
using System.Numerics;
using System.Text;

namespace Kernels.Decoding;

/// <summary>The filters of Jinja2 that chats have a use for.</summary>
internal static partial class JinjaFilters
{
    private delegate object? Body(JinjaRun run, object? value, JinjaArguments arguments);

    private static readonly Dictionary<string, Body> All = new()
    {
        ["abs"] = (run, value, _) => JinjaOperators.Sign(run, value, negative: JinjaValue.Compare(run, value, 0L) < 0),
        ["attr"] = (run, value, arguments) => Attribute(run, value, arguments),
        ["batch"] = Batch,
        ["capitalize"] = (run, value, _) => Map(run, value, JinjaText.Capitalize),
        ["center"] = (run, value, arguments) =>
            Method(run, JinjaValue.Text(run, value), "center", arguments is { Positional.Count: 0, Named: null } ? new([80L]) : arguments),
        ["count"] = (run, value, _) => JinjaValue.Length(run, value),
        ["d"] = Default,
        ["default"] = Default,
        ["dictsort"] = SortDictionary,
        ["e"] = Escape,
        ["escape"] = Escape,
        ["first"] = (run, value, _) =>
            JinjaValue.Iterate(run, value) is [var first, ..] ? first : new JinjaUndefined("no first item, sequence was empty"),
        ["float"] = ToFloat,
        ["forceescape"] = Escape,
        ["format"] = (run, value, arguments) =>
        {
            string format = JinjaValue.Text(run, value);
            if (arguments.Named is null)
            {
                return JinjaFormat.Percent(run, format, JinjaList.Tuple([.. arguments.Positional]));
            }

            var named = new JinjaDictionary();
            JinjaMethods.Update(run, named, arguments);
            return JinjaFormat.Percent(run, format, named);
        },
        ["groupby"] = Group,
        ["indent"] = Indent,
        ["int"] = ToInt,
        ["items"] = (run, value, _) => value switch
        {
            JinjaUndefined => new JinjaList([], JinjaSequenceKind.Iterator),
            JinjaDictionary dictionary => Iterator(run, JinjaMethods.Items(dictionary)),
            _ => throw run.Fail("the filter items needs a mapping"),
        },
        ["join"] = JoinFilter,
        ["last"] = (run, value, _) => value is JinjaList { Kind: JinjaSequenceKind.Iterator }
            ? throw run.Fail("a generator has no last item")
            : Items(run, value) is [.., var last] ? last : new JinjaUndefined("no last item, sequence was empty"),
        ["length"] = (run, value, _) => JinjaValue.Length(run, value),
        ["list"] = (run, value, _) => new JinjaList([.. JinjaValue.Iterate(run, value)]),
        ["lower"] = (run, value, _) => Map(run, value, JinjaText.Lower),
        ["map"] = MapAll,
        ["max"] = (run, value, arguments) => Extreme(run, value, arguments, 1),
        ["min"] = (run, value, arguments) => Extreme(run, value, arguments, -1),
        ["pprint"] = (run, value, _) => JinjaValue.Repr(run, value),
        ["reject"] = (run, value, arguments) => Select(run, value, arguments, keep: false, byAttribute: false),
        ["rejectattr"] = (run, value, arguments) => Select(run, value, arguments, keep: false, byAttribute: true),
        ["replace"] = (run, value, arguments) =>
        {
            object?[] given = arguments.Bind(run, "replace", 2, "old", "new", "count");
            return JinjaMethods.Replace(
                run, JinjaValue.Text(run, value), JinjaValue.Text(run, given[0]), JinjaValue.Text(run, given[1]), given[2]);
        },
        ["reverse"] = (run, value, _) =>
        {
            List<object?> items = [.. JinjaValue.Iterate(run, value)];
            items.Reverse();
            run.Allocate(value is string text ? text.Length : 0);
            return value is string ? string.Concat(items) : new JinjaList(items, JinjaSequenceKind.Iterator);
        },
        ["round"] = Round,
        ["safe"] = (run, value, _) => JinjaValue.Text(run, value),
        ["select"] = (run, value, arguments) => Select(run, value, arguments, keep: true, byAttribute: false),
        ["selectattr"] = (run, value, arguments) => Select(run, value, arguments, keep: true, byAttribute: true),
        ["slice"] = Slice,
        ["sort"] = Sort,
        ["string"] = (run, value, _) => JinjaValue.Text(run, value),
        ["sum"] = Sum,
        ["title"] = (run, value, _) => Map(run, value, Title),
        ["tojson"] = JinjaJson.Filter,
        ["trim"] = (run, value, arguments) =>
        {
            object? characters = arguments.Bind(run, "trim", 0, "chars")[0];
            return Map(run, value, text =>
                JinjaText.Strip(text, characters == JinjaArguments.Absent ? null : characters as string, start: true, end: true));
        },
        ["truncate"] = Truncate,
        ["unique"] = Unique,
        ["upper"] = (run, value, _) => Map(run, value, JinjaText.Upper),
        ["urlencode"] = (run, value, _) =>
            Map(run, value, text => Uri.EscapeDataString(text).Replace("%2F", "/", StringComparison.Ordinal)),
        ["wordcount"] = (run, value, _) =>
            (long)((JinjaList)Method(run, JinjaValue.Text(run, value), "split", JinjaArguments.None)!).Items.Count,
    };

    public static bool Exists(string name) => All.ContainsKey(name);

    public static object? Apply(JinjaRun run, string name, object? value, JinjaArguments arguments) =>
        All.TryGetValue(name, out Body? body) ? body(run, value, arguments) : throw run.Fail($"there is no filter '{name}' here");

    private static object? Method(JinjaRun run, object? self, string name, JinjaArguments arguments) =>
        JinjaMethods.Find(self, name)!.Invoke(run, arguments);

    private static string Map(JinjaRun run, object? value, Func<string, string> map)
    {
        string text = JinjaValue.Text(run, value);
        run.Read(text);
        run.Allocate(text.Length * 2L);
        return map(text);
    }

    private static JinjaList Iterator(JinjaRun run, IEnumerable<object?> items)
    {
        List<object?> all = [.. items];
        run.Charge(all.Count);
        return new JinjaList(all, JinjaSequenceKind.Iterator);
    }

    private static List<object?> Items(JinjaRun run, object? value) => JinjaValue.Iterate(run, value);

    private static object? Or(object? value, object? otherwise) => value == JinjaArguments.Absent ? otherwise : value;

    private static int Number(JinjaRun run, object? value)
    {
        JinjaValue.CheckDefined(run, value);
        return JinjaNumber.Index(value)
            ?? throw run.Fail($"a whole number was expected, not a value of the type {JinjaValue.TypeName(value)}");
    }

    private static object? Attribute(JinjaRun run, object? value, JinjaArguments arguments)
    {
        string name = JinjaValue.Text(run, arguments.Bind(run, "attr", 1, "name")[0]);
        return value is JinjaDictionary && JinjaMethods.Find(value, name) is null
            ? new JinjaUndefined($"'dict object' has no attribute '{name}'")
            : JinjaValue.GetAttribute(run, value, name);
    }

    private static object? Default(JinjaRun run, object? value, JinjaArguments arguments)
    {
        object?[] given = arguments.Bind(run, "default", 0, "default_value", "boolean");
        bool always = given[1] != JinjaArguments.Absent && JinjaValue.IsTrue(given[1]);
        return value is JinjaUndefined || (always && !JinjaValue.IsTrue(value)) ? Or(given[0], "") : value;
    }

    private static object? Escape(JinjaRun run, object? value, JinjaArguments arguments)
    {
        arguments.Bind(run, "escape", 0);
        var text = new StringBuilder();
        foreach (char c in JinjaValue.Text(run, value))
        {
            text.Append(c switch { '&' => "&amp;", '<' => "&lt;", '>' => "&gt;", '\'' => "&#39;", '"' => "&#34;", _ => c.ToString() });
        }

        run.Allocate(text.Length);
        return text.ToString();
    }

    private static string Title(string text)
    {
        var result = new StringBuilder(text.Length);
        bool begins = true;
        foreach (Rune rune in text.EnumerateRunes())
        {
            bool parts = rune.Value is '-' or '(' or '{' or '[' or '<' || (rune.IsBmp && JinjaText.IsSpace((char)rune.Value));
            result.Append(begins ? JinjaText.Upper(rune.ToString()) : JinjaText.Lower(rune.ToString()));
            begins = parts;
        }

        return result.ToString();
    }

    private static object? ToInt(JinjaRun run, object? value, JinjaArguments arguments)
    {
        object?[] given = arguments.Bind(run, "int", 0, "default", "base");
        JinjaValue.CheckDefined(run, value);
        object? otherwise = Or(given[0], 0L);
        int radix = Number(run, Or(given[1], 10L));
        switch (value)
        {
            case double real:
                return double.IsFinite(real) ? JinjaNumber.Normalise(new BigInteger(Math.Truncate(real))) : otherwise;
            case string text:
                return Whole(text, radix) ?? (ToFloat(run, text, new([null])) is double number && double.IsFinite(number)
                    ? JinjaNumber.Normalise(new BigInteger(Math.Truncate(number)))
                    : otherwise);
            default:
                return JinjaNumber.IsWhole(value) ? JinjaNumber.Normalise(JinjaNumber.Whole(value)) : otherwise;
        }
    }

    private static object? Whole(string text, int radix)
    {
        string digits = JinjaText.Strip(text, null, start: true, end: true);
        bool negative = digits.StartsWith('-');
        digits = negative || digits.StartsWith('+') ? digits[1..] : digits;
        string prefix = radix switch { 16 => "0x", 8 => "0o", 2 => "0b", _ => " " };
        digits = digits.StartsWith(prefix, StringComparison.OrdinalIgnoreCase) ? digits[2..] : digits;
        if (digits.Length is 0 or > JinjaNumber.MaxDigits || radix is < 2 or > 36)
        {
            return null;
        }

        BigInteger number = BigInteger.Zero;
        for (int i = 0; i < digits.Length; i++)
        {
            char c = char.ToLowerInvariant(digits[i]);
            if (c == '_' && i > 0 && i + 1 < digits.Length && digits[i - 1] != '_')
            {
                continue;
            }

            int digit = char.IsAsciiDigit(c) ? c - '0' : char.IsAsciiLetterLower(c) ? c - 'a' + 10 : int.MaxValue;
            if (digit >= radix)
            {
                return null;
            }

            number = (number * radix) + digit;
        }

        return JinjaNumber.Normalise(negative ? -number : number);
    }

    private static object? ToFloat(JinjaRun run, object? value, JinjaArguments arguments)
    {
        object? otherwise = Or(arguments.Bind(run, "float", 0, "default")[0], 0.0);
        JinjaValue.CheckDefined(run, value);
        if (value is not string text)
        {
            return JinjaNumber.IsNumber(value) ? JinjaNumber.Real(value) : otherwise;
        }

        string trimmed = JinjaText.Strip(text, null, start: true, end: true);
        string word = trimmed.TrimStart('+', '-');
        if (word.Equals("inf", StringComparison.OrdinalIgnoreCase) || word.Equals("infinity", StringComparison.OrdinalIgnoreCase))
        {
            return trimmed[0] == '-' ? double.NegativeInfinity : double.PositiveInfinity;
        }

        return double.TryParse(
            trimmed, NumberStyles.Float & ~NumberStyles.AllowTrailingWhite, CultureInfo.InvariantCulture, out double real)
            ? real
            : otherwise;
    }

    private static object? Round(JinjaRun run, object? value, JinjaArguments arguments)
    {
        object?[] given = arguments.Bind(run, "round", 0, "precision", "method");
        int precision = Math.Clamp(Number(run, Or(given[0], 0L)), -308, 308);
        string? method = Or(given[1], "common") as string;
        JinjaValue.CheckDefined(run, value);
        if (!JinjaNumber.IsNumber(value) || method is not ("common" or "ceil" or "floor"))
        {
            throw run.Fail(JinjaNumber.IsNumber(value)
                ? "the method of round is not common, ceil or floor"
                : $"a value of the type {JinjaValue.TypeName(value)} is no number");
        }

        double real = JinjaNumber.Real(value);
        if (method == "common")
        {
            if (JinjaNumber.IsWhole(value) && precision >= 0)
            {
                return value is bool ? JinjaNumber.Normalise(JinjaNumber.Whole(value)) : value;
            }

            // The decimal number that is nearest to what the binary one is exactly, ties to even.
            double rounded = precision switch
            {
                >= 0 when precision <= 15 && Math.Abs(real) < 1e15 => double.Parse(Exact(real, precision), CultureInfo.InvariantCulture),
                >= 0 => real,
                _ => Math.Round(real / Math.Pow(10, -precision)) * Math.Pow(10, -precision),
            };
            return JinjaNumber.IsWhole(value) ? JinjaNumber.Normalise(new BigInteger(rounded)) : rounded;
        }

        double scale = Math.Pow(10, precision);
        return (method == "ceil" ? Math.Ceiling(real * scale) : Math.Floor(real * scale)) / scale;
    }

    // .NET's formatting of fractions rounds the exact value, half away from zero; a tie is only there where few digits follow.
    private static string Exact(double value, int precision)
    {
        string text = value.ToString($"F{precision}", CultureInfo.InvariantCulture);
        string exact = value.ToString($"F{precision + 40}", CultureInfo.InvariantCulture);
        string rest = exact[^40..];
        int last = exact[^41] == '.' ? exact[^42] - '0' : exact[^41] - '0';
        bool tie = rest[0] == '5' && rest.AsSpan(1).Trim('0').IsEmpty;
        return tie && last % 2 == 0 ? exact[..^40].TrimEnd('.') : text;
    }

    private static object? Indent(JinjaRun run, object? value, JinjaArguments arguments)
    {
        object?[] given = arguments.Bind(run, "indent", 0, "width", "first", "blank");
        object? width = Or(given[0], 4L);
        string indent = width as string ?? JinjaValue.Repeat(run, " ", (long)Number(run, width));
        bool first = given[1] != JinjaArguments.Absent && JinjaValue.IsTrue(given[1]);
        bool blank = given[2] != JinjaArguments.Absent && JinjaValue.IsTrue(given[2]);
        string source = JinjaValue.Text(run, value);

        // As Jinja2: a line break more, so that one at the end is kept.
        List<object?> lines = JinjaText.Lines(source + "\n", keepEnds: false);
        run.Charge(lines.Count);
        run.Allocate(source.Length + ((long)lines.Count * (indent.Length + 1)));
        var text = new StringBuilder();
        for (int i = 0; i < lines.Count; i++)
        {
            string line = (string)lines[i]!;
            bool indented = i == 0 ? first : blank || line.Length > 0;
            text.Append(i > 0 ? "\n" : "").Append(indented ? indent : "").Append(line);
        }

        return text.ToString();
    }

    private static object? JoinFilter(JinjaRun run, object? value, JinjaArguments arguments)
    {
        object?[] given = arguments.Bind(run, "join", 0, "d", "attribute");
        List<object?> items = Items(run, value);
        Func<object?, object?> attribute = Getter(run, given[1]);
        return JinjaMethods.Join(
            run, JinjaValue.Text(run, Or(given[0], "")), items.ConvertAll(item => JinjaValue.Text(run, attribute(item))));
    }

    private static object? Truncate(JinjaRun run, object? value, JinjaArguments arguments)
    {
        object?[] given = arguments.Bind(run, "truncate", 0, "length", "killwords", "end", "leeway");
        string text = JinjaValue.Text(run, value);
        int most = Number(run, Or(given[0], 255L));
        string end = JinjaValue.Text(run, Or(given[2], "..."));
        int leeway = Number(run, Or(given[3], 5L));
        int room = most - JinjaText.Length(end);
        if (room < 0 || leeway < 0)
        {
            throw run.Fail("the length of truncate is less than that of its end");
        }

        if (JinjaText.Length(text) <= most + (long)leeway)
        {
            return text;
        }

        run.Allocate(most);
        string cut = text[..JinjaText.Unit(text, room)];
        if (given[1] == JinjaArguments.Absent || !JinjaValue.IsTrue(given[1]))
        {
            int blank = cut.LastIndexOf(' ');
            cut = blank >= 0 ? cut[..blank] : cut;
        }

        return cut + end;
    }
}
