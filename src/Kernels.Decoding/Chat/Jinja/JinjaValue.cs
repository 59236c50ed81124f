using System.Globalization;
using System.Numerics;
using System.Text;
using System.Text.Json;

namespace Kernels.Decoding;

/// <summary>
/// The values of templates, with Python's meaning: null (None), <see cref="bool"/>, whole and real numbers, <see cref="string"/>,
/// <see cref="JinjaList"/>, <see cref="JinjaDictionary"/>, and what only templates have.
/// </summary>
internal static class JinjaValue
{
    /// <summary>What JSON says, as a value.</summary>
    public static object? FromJson(JsonElement element)
    {
        switch (element.ValueKind)
        {
            case JsonValueKind.Object:
                var dictionary = new JinjaDictionary();
                foreach (JsonProperty property in element.EnumerateObject())
                {
                    dictionary[property.Name] = FromJson(property.Value);
                }

                return dictionary;
            case JsonValueKind.Array:
                return new JinjaList([.. element.EnumerateArray().Select(FromJson)]);
            case JsonValueKind.String:
                return element.GetString();
            case JsonValueKind.Number:
                string text = element.GetRawText();
                return text.Length <= JinjaNumber.MaxDigits && text.AsSpan().IndexOfAny('.', 'e', 'E') < 0
                    ? JinjaNumber.Normalise(BigInteger.Parse(text, CultureInfo.InvariantCulture))
                    : element.GetDouble();
            case JsonValueKind.True or JsonValueKind.False:
                return element.GetBoolean();
            default:
                return null;
        }
    }

    /// <summary>Python's name of a value's type.</summary>
    public static string TypeName(object? value) => value switch
    {
        null => "NoneType",
        bool => "bool",
        double => "float",
        string => "str",
        JinjaDictionary => "dict",
        JinjaList { Kind: JinjaSequenceKind.List } => "list",
        JinjaList { Kind: JinjaSequenceKind.Tuple } => "tuple",
        JinjaList { Kind: JinjaSequenceKind.Range } => "range",
        JinjaList { Kind: JinjaSequenceKind.View } view => view.Label!,
        JinjaList => "generator",
        JinjaUndefined => "Undefined",
        JinjaNamespace => "Namespace",
        JinjaLoop => "LoopContext",
        JinjaFunction => "function",
        _ => "int",
    };

    /// <summary>Whether a value counts as true.</summary>
    public static bool IsTrue(object? value) => value switch
    {
        null or JinjaUndefined => false,
        bool flag => flag,
        long number => number != 0,
        double real => real != 0,
        string text => text.Length > 0,
        JinjaList list => list.Kind == JinjaSequenceKind.Iterator || list.Items.Count > 0,
        JinjaDictionary dictionary => dictionary.Count > 0,
        _ => true,
    };

    /// <summary>What <c>str</c> gives: what a template writes.</summary>
    public static string Text(JinjaRun run, object? value)
    {
        switch (value)
        {
            case string text:
                return text;
            case JinjaUndefined:
                return "";
            default:
                var builder = new StringBuilder();
                Show(run, builder, value, 0);
                return builder.ToString();
        }
    }

    /// <summary>What <c>repr</c> gives.</summary>
    public static string Repr(JinjaRun run, object? value)
    {
        var builder = new StringBuilder();
        Show(run, builder, value, 0);
        return builder.ToString();
    }

    /// <summary>Equality as Python's ==.</summary>
    public static bool AreEqual(JinjaRun run, object? a, object? b, int depth = 0)
    {
        run.CheckDepth(depth);
        run.Charge(1);
        switch (a, b)
        {
            case (null, null):
                return true;
            case (string x, string y):
                run.Read(x);
                return x == y;
            case (JinjaUndefined, JinjaUndefined):
                return true;
            case (JinjaList x, JinjaList y) when x.Kind == y.Kind && x.HasPlaces:
                if (x.Items.Count != y.Items.Count)
                {
                    return false;
                }

                for (int i = 0; i < x.Items.Count; i++)
                {
                    if (!AreEqual(run, x.Items[i], y.Items[i], depth + 1))
                    {
                        return false;
                    }
                }

                return true;
            case (JinjaDictionary x, JinjaDictionary y):
                return x.Count == y.Count
                    && x.Entries.All(entry => y.TryGet(run, entry.Key, out object? other) && AreEqual(run, entry.Value, other, depth + 1));
            default:
                return JinjaNumber.IsNumber(a) && JinjaNumber.IsNumber(b) ? JinjaNumber.Compare(a, b) == 0 : ReferenceEquals(a, b);
        }
    }

    /// <summary>Order as Python's &lt; and &gt;; null where neither holds of numbers.</summary>
    public static int? Compare(JinjaRun run, object? a, object? b, int depth = 0)
    {
        run.CheckDepth(depth);
        run.Charge(1);
        switch (a, b)
        {
            case (string x, string y):
                run.Read(x);
                return JinjaText.Compare(x, y);
            case (JinjaList x, JinjaList y) when x.Kind == y.Kind && x.Kind is JinjaSequenceKind.List or JinjaSequenceKind.Tuple:
                for (int i = 0; i < Math.Min(x.Items.Count, y.Items.Count); i++)
                {
                    if (!AreEqual(run, x.Items[i], y.Items[i], depth + 1))
                    {
                        return Compare(run, x.Items[i], y.Items[i], depth + 1);
                    }
                }

                return x.Items.Count.CompareTo(y.Items.Count);
            default:
                CheckDefined(run, a);
                CheckDefined(run, b);
                return JinjaNumber.IsNumber(a) && JinjaNumber.IsNumber(b)
                    ? JinjaNumber.Compare(a, b)
                    : throw run.Fail($"values of the types {TypeName(a)} and {TypeName(b)} have no order");
        }
    }

    /// <summary>The elements of a value that can be gone through.</summary>
    public static List<object?> Iterate(JinjaRun run, object? value)
    {
        List<object?> items = value switch
        {
            JinjaList list => list.Take(),
            JinjaDictionary dictionary => [.. dictionary.Keys],
            string text => JinjaText.Points(text),
            JinjaUndefined => [],
            _ => throw run.Fail($"a value of the type {TypeName(value)} cannot be gone through"),
        };
        run.Charge(items.Count);
        return items;
    }

    /// <summary>The number of elements or characters.</summary>
    public static long Length(JinjaRun run, object? value)
    {
        switch (value)
        {
            case string text:
                run.Read(text);
                return JinjaText.Length(text);
            case JinjaList list when list.Kind != JinjaSequenceKind.Iterator:
                return list.Items.Count;
            case JinjaDictionary dictionary:
                return dictionary.Count;
            case JinjaUndefined:
                return 0;
            default:
                throw run.Fail($"a value of the type {TypeName(value)} has no length");
        }
    }

    /// <summary>Whether a value is in another, as Python's <c>in</c>.</summary>
    public static bool Contains(JinjaRun run, object? container, object? value)
    {
        switch (container)
        {
            case string text:
                CheckDefined(run, value);
                run.Read(text);
                return value is string part
                    ? text.Contains(part, StringComparison.Ordinal)
                    : throw run.Fail($"a value of the type {TypeName(value)} cannot be in a text");
            case JinjaDictionary dictionary:
                return dictionary.TryGet(run, value, out _);
            case JinjaList or JinjaUndefined:
                foreach (object? item in Iterate(run, container))
                {
                    if (AreEqual(run, item, value))
                    {
                        return true;
                    }
                }

                return false;
            default:
                throw run.Fail($"nothing can be in a value of the type {TypeName(container)}");
        }
    }

    /// <summary>What <c>value.name</c> gives: a method or attribute, else the element of this key.</summary>
    public static object? GetAttribute(JinjaRun run, object? value, string name)
    {
        CheckDefined(run, value);
        if (Attribute(value, name) is { } attribute)
        {
            return attribute == JinjaArguments.Absent ? null : attribute;
        }

        return value is JinjaDictionary dictionary && dictionary.TryGet(name, out object? found) ? found : NoAttribute(value, name);
    }

    /// <summary>What <c>value[key]</c> gives: the element, else a method or attribute of this name.</summary>
    public static object? GetItem(JinjaRun run, object? value, object? key)
    {
        CheckDefined(run, value);
        switch (value)
        {
            case JinjaDictionary dictionary when key is not JinjaDictionary and not JinjaList { Kind: not JinjaSequenceKind.Tuple }:
                if (dictionary.TryGet(run, key, out object? found))
                {
                    return found;
                }

                break;
            case JinjaList { HasPlaces: true } list when JinjaNumber.Index(key) is { } index:
                int place = index < 0 ? index + list.Items.Count : index;
                if (place >= 0 && place < list.Items.Count)
                {
                    return list.Items[place];
                }

                break;
            case string text when JinjaNumber.Index(key) is { } index:
                run.Read(text);
                int length = JinjaText.Length(text);
                int point = index < 0 ? index + length : index;
                if (point >= 0 && point < length)
                {
                    return text[JinjaText.Unit(text, point)..JinjaText.Unit(text, point + 1)];
                }

                break;
        }

        if (key is not string name)
        {
            return new JinjaUndefined($"{TypeName(value)} object has no element {Repr(run, key)}");
        }

        return Attribute(value, name) is { } attribute ? (attribute == JinjaArguments.Absent ? null : attribute) : NoAttribute(value, name);
    }

    /// <summary>What <c>value[start:stop:step]</c> gives.</summary>
    public static object? Slice(JinjaRun run, object? value, object? start, object? stop, object? step)
    {
        CheckDefined(run, value);
        int? from = Bound(run, start);
        int? to = Bound(run, stop);
        int by = Bound(run, step) ?? 1;
        if (by == 0)
        {
            throw run.Fail("the step of a slice is 0");
        }

        if (value is not (string or JinjaList { HasPlaces: true }))
        {
            throw run.Fail($"a value of the type {TypeName(value)} has no slices");
        }

        var text = value as string;
        int length = (int)Length(run, value);
        int first = by > 0 ? 0 : -1;
        int last = by > 0 ? length : length - 1;
        int begin = from is { } f ? Math.Clamp(f < 0 ? f + length : f, first, last) : by > 0 ? first : last;
        int end = to is { } t ? Math.Clamp(t < 0 ? t + length : t, first, last) : by > 0 ? last : first;
        if (text is not null && by == 1)
        {
            int unit = JinjaText.Unit(text, begin);
            string piece = end <= begin ? "" : text[unit..JinjaText.Unit(text, end)];
            run.Allocate(piece.Length);
            return piece;
        }

        List<object?> items = text is not null ? JinjaText.Points(text) : ((JinjaList)value).Items;
        var taken = new List<object?>();
        for (long i = begin; by > 0 ? i < end : i > end; i += by)
        {
            taken.Add(items[(int)i]);
        }

        run.Charge(taken.Count + (text?.Length ?? 0));
        return text is not null
            ? string.Concat(taken.Cast<string>())
            : new JinjaList(taken, ((JinjaList)value).Kind == JinjaSequenceKind.Tuple ? JinjaSequenceKind.Tuple : JinjaSequenceKind.List);
    }

    /// <summary>Throws if there is no value.</summary>
    public static void CheckDefined(JinjaRun run, object? value)
    {
        if (value is JinjaUndefined undefined)
        {
            throw run.Fail(undefined.Message);
        }
    }

    /// <summary>A text a number of times.</summary>
    public static string Repeat(JinjaRun run, string text, object? times)
    {
        int count = Math.Max(0, JinjaNumber.Index(times)!.Value);
        run.Allocate((long)text.Length * count);
        return text.Length == 0 ? "" : new StringBuilder(text.Length * count).Insert(0, text, count).ToString();
    }

    private static JinjaUndefined NoAttribute(object? value, string name) =>
        new(value is null ? $"None has no attribute '{name}'" : $"'{TypeName(value)} object' has no attribute '{name}'");

    // Null if there is none; Absent where it is None.
    private static object? Attribute(object? value, string name)
    {
        switch (value)
        {
            case JinjaNamespace space:
                return space.Attributes.TryGetValue(name, out object? attribute) ? attribute ?? JinjaArguments.Absent : null;
            case JinjaLoop loop:
                object? state = loop.Get(name);
                return state is JinjaUndefined && name is not ("previtem" or "nextitem") ? null : state ?? JinjaArguments.Absent;
            case JinjaList { Names: { } names } list when Array.IndexOf(names, name) is >= 0 and int place:
                return list.Items[place] ?? JinjaArguments.Absent;
            default:
                return JinjaMethods.Find(value, name);
        }
    }

    private static int? Bound(JinjaRun run, object? value)
    {
        CheckDefined(run, value);
        return value is null ? null : JinjaNumber.Index(value) ?? throw run.Fail("the bounds of a slice are not whole numbers");
    }

    private static void Show(JinjaRun run, StringBuilder builder, object? value, int depth)
    {
        run.CheckDepth(depth);
        run.Charge(1);
        int start = builder.Length;
        switch (value)
        {
            case null:
                builder.Append("None");
                break;
            case bool flag:
                builder.Append(flag ? "True" : "False");
                break;
            case double real:
                builder.Append(JinjaNumber.Text(real));
                break;
            case long number:
                builder.Append(number);
                break;
            case BigInteger number:
                builder.Append(number.ToString(CultureInfo.InvariantCulture));
                break;
            case string text:
                run.Allocate(text.Length);
                Quote(builder, text);
                return;
            case JinjaUndefined:
                builder.Append("Undefined");
                break;
            case JinjaDictionary dictionary:
                builder.Append('{');
                string comma = "";
                foreach ((object? key, object? element) in dictionary.Entries)
                {
                    builder.Append(comma);
                    comma = ", ";
                    Show(run, builder, key, depth + 1);
                    builder.Append(": ");
                    Show(run, builder, element, depth + 1);
                }

                builder.Append('}');
                run.Allocate(4L * dictionary.Count);
                return;
            case JinjaList { Kind: JinjaSequenceKind.Range } range:
                builder.Append(range.Label);
                break;
            case JinjaList { Kind: JinjaSequenceKind.Iterator }:
                builder.Append("<generator object>");
                break;
            case JinjaList list:
                bool tuple = list.Kind == JinjaSequenceKind.Tuple;
                builder.Append(list.Kind == JinjaSequenceKind.View ? list.Label + "([" : tuple ? "(" : "[");
                for (int i = 0; i < list.Items.Count; i++)
                {
                    builder.Append(i > 0 ? ", " : "");
                    Show(run, builder, list.Items[i], depth + 1);
                }

                builder.Append(list.Kind == JinjaSequenceKind.View ? "])" : tuple ? (list.Items.Count == 1 ? ",)" : ")") : "]");
                run.Allocate(2L * list.Items.Count);
                return;
            default:
                builder.Append('<').Append(TypeName(value)).Append('>');
                break;
        }

        run.Allocate(builder.Length - start);
    }

    private static void Quote(StringBuilder builder, string text)
    {
        char quote = text.Contains('\'') && !text.Contains('"') ? '"' : '\'';
        builder.Append(quote);
        for (int i = 0; i < text.Length; i++)
        {
            char c = text[i];
            switch (c)
            {
                case '\n':
                    builder.Append("\\n");
                    break;
                case '\r':
                    builder.Append("\\r");
                    break;
                case '\t':
                    builder.Append("\\t");
                    break;
                case '\\':
                    builder.Append("\\\\");
                    break;
                case >= ' ' and < '\x7f':
                    builder.Append(c == quote ? "\\" : "").Append(c);
                    break;
                default:
                    if (!Rune.TryGetRuneAt(text, i, out Rune rune))
                    {
                        builder.Append("\\u").Append(((int)c).ToString("x4", null));
                        break;
                    }

                    i += rune.Utf16SequenceLength - 1;
                    if (JinjaText.IsPrintable(rune))
                    {
                        builder.Append(rune.ToString());
                    }
                    else
                    {
                        builder.Append(rune.Value switch
                        {
                            <= 0xFF => $"\\x{rune.Value:x2}",
                            <= 0xFFFF => $"\\u{rune.Value:x4}",
                            _ => $"\\U{rune.Value:x8}",
                        });
                    }

                    break;
            }
        }

        builder.Append(quote);
    }
}
