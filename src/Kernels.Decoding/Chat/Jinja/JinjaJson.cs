using System.Globalization;
using System.Text;

namespace Kernels.Decoding;

/// <summary>
/// The filter <c>tojson</c> as transformers replaces it: Python's <c>json.dumps</c>, by default without escapes of characters beyond
/// ASCII and without HTML's.
/// </summary>
internal sealed class JinjaJson
{
    private readonly JinjaRun run;
    private readonly StringBuilder text = new();
    private readonly bool ascii;
    private readonly string? indent;
    private readonly string itemSeparator;
    private readonly string keySeparator;
    private readonly bool sortKeys;

    private JinjaJson(JinjaRun run, bool ascii, string? indent, string itemSeparator, string keySeparator, bool sortKeys)
    {
        this.run = run;
        this.ascii = ascii;
        this.indent = indent;
        this.itemSeparator = itemSeparator;
        this.keySeparator = keySeparator;
        this.sortKeys = sortKeys;
    }

    public static object? Filter(JinjaRun run, object? value, JinjaArguments arguments)
    {
        object?[] given = arguments.Bind(run, "tojson", 0, "ensure_ascii", "indent", "separators", "sort_keys");
        object? indent = given[1] == JinjaArguments.Absent ? null : given[1];
        string? step = indent switch
        {
            null => null,
            string blanks => blanks,
            _ when JinjaNumber.Index(indent) is { } count => JinjaValue.Repeat(run, " ", (long)count),
            _ => throw run.Fail("the indent of tojson is no number"),
        };
        string item = step is null ? ", " : ",";
        string key = ": ";
        if (given[2] != JinjaArguments.Absent && given[2] is not null)
        {
            (item, key) = given[2] is JinjaList { Items: [string first, string second] }
                ? (first, second)
                : throw run.Fail("the separators of tojson are not two texts");
        }

        bool ascii = given[0] != JinjaArguments.Absent && JinjaValue.IsTrue(given[0]);
        bool sort = given[3] != JinjaArguments.Absent && JinjaValue.IsTrue(given[3]);
        var json = new JinjaJson(run, ascii, step, item, key, sort);
        json.Write(value, 0);
        return json.text.ToString();
    }

    private void Write(object? value, int depth)
    {
        run.CheckDepth(depth);
        run.Charge(1);
        switch (value)
        {
            case null:
                Append("null");
                break;
            case bool flag:
                Append(flag ? "true" : "false");
                break;
            case double real:
                Append(Number(real));
                break;
            case string content:
                Quote(content);
                break;
            case JinjaList { Kind: JinjaSequenceKind.List or JinjaSequenceKind.Tuple } list:
                WriteAll('[', ']', list.Items, depth, item => Write(item, depth + 1));
                break;
            case JinjaDictionary dictionary:
                List<KeyValuePair<object?, object?>> entries = [.. dictionary.Entries];
                if (sortKeys)
                {
                    run.Charge(entries.Count * 20L);
                    var byKey = Comparer<object?>.Create((a, b) => JinjaValue.Compare(run, a, b) ?? 0);
                    entries = [.. entries.OrderBy(entry => entry.Key, byKey)];
                }

                WriteAll('{', '}', entries, depth, entry =>
                {
                    Quote(Key(entry.Key));
                    Append(keySeparator);
                    Write(entry.Value, depth + 1);
                });
                break;
            case var number when JinjaNumber.IsWhole(number):
                Append(JinjaNumber.Whole(number).ToString(CultureInfo.InvariantCulture));
                break;
            case JinjaUndefined undefined:
                throw run.Fail($"what is not defined cannot be written as JSON: {undefined.Message}");
            default:
                throw run.Fail($"a value of the type {JinjaValue.TypeName(value)} cannot be written as JSON");
        }
    }

    private void WriteAll<T>(char begin, char end, List<T> items, int depth, Action<T> write)
    {
        Append(begin.ToString());
        for (int i = 0; i < items.Count; i++)
        {
            Append(i > 0 ? itemSeparator : "");
            Break(depth + 1);
            write(items[i]);
        }

        if (items.Count > 0)
        {
            Break(depth);
        }

        Append(end.ToString());
    }

    private void Break(int depth)
    {
        if (indent is not null)
        {
            Append("\n");
            for (int i = 0; i < depth; i++)
            {
                Append(indent);
            }
        }
    }

    private string Key(object? key) => key switch
    {
        string name => name,
        null => "null",
        bool flag => flag ? "true" : "false",
        double real => Number(real),
        _ when JinjaNumber.IsWhole(key) => JinjaNumber.Whole(key).ToString(CultureInfo.InvariantCulture),
        _ => throw run.Fail($"a {JinjaValue.TypeName(key)} cannot be a key of JSON"),
    };

    private static string Number(double value) =>
        double.IsNaN(value) ? "NaN" : double.IsInfinity(value) ? (value > 0 ? "Infinity" : "-Infinity") : JinjaNumber.Text(value);

    private void Quote(string content)
    {
        int start = text.Length;
        text.Append('"');
        foreach (char c in content)
        {
            switch (c)
            {
                case '"':
                    text.Append("\\\"");
                    break;
                case '\\':
                    text.Append("\\\\");
                    break;
                case '\n':
                    text.Append("\\n");
                    break;
                case '\r':
                    text.Append("\\r");
                    break;
                case '\t':
                    text.Append("\\t");
                    break;
                case '\f':
                    text.Append("\\f");
                    break;
                case '\b':
                    text.Append("\\b");
                    break;
                default:
                    if (c < ' ' || (ascii && c > '~'))
                    {
                        text.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}");
                    }
                    else
                    {
                        text.Append(c);
                    }

                    break;
            }
        }

        text.Append('"');
        run.Allocate(text.Length - start);
    }

    private void Append(string piece)
    {
        run.Allocate(piece.Length);
        text.Append(piece);
    }
}
