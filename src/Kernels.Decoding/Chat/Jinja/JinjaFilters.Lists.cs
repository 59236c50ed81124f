using System.Globalization;

namespace Kernels.Decoding;

/// <content>Those of lists and mappings.</content>
internal static partial class JinjaFilters
{
    // What an attribute's name gives of a value: names and places with dots between them; nothing gives the value.
    private static Func<object?, object?> Getter(JinjaRun run, object? attribute, object? otherwise = null)
    {
        if (attribute == JinjaArguments.Absent || attribute is null)
        {
            return item => item;
        }

        object?[] path = attribute is string text
            ? [.. text.Split('.').Select(part =>
                long.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture, out long at) ? (object?)at : part)]
            : [attribute];
        return item =>
        {
            foreach (object? part in path)
            {
                run.Charge(1);
                item = JinjaValue.GetItem(run, item, part);
                if (item is JinjaUndefined && otherwise is not null && otherwise != JinjaArguments.Absent)
                {
                    item = otherwise;
                }
            }

            return item;
        };
    }

    // Letters of texts count without their case, unless that is asked for.
    private static Func<object?, object?> Caseless(JinjaRun run, object? caseSensitive) => item =>
    {
        if (item is not string text || (caseSensitive != JinjaArguments.Absent && JinjaValue.IsTrue(caseSensitive)))
        {
            return item;
        }

        run.Read(text);
        run.Allocate(text.Length);
        return JinjaText.Lower(text);
    };

    // map, select and their kin ask whether there is something first, so that None has no elements to them.
    private static List<object?> ItemsIfTrue(JinjaRun run, object? value) => JinjaValue.IsTrue(value) ? Items(run, value) : [];

    private static JinjaList MapAll(JinjaRun run, object? value, JinjaArguments arguments)
    {
        List<object?> items = ItemsIfTrue(run, value);
        if (arguments.Positional.Count == 0 && arguments.Named?.ContainsKey("attribute") is true)
        {
            object?[] given = arguments.Bind(run, "map", 0, "attribute", "default");
            Func<object?, object?> get = Getter(run, given[0], given[1]);
            return new JinjaList(items.ConvertAll(item => get(item)), JinjaSequenceKind.Iterator);
        }

        if (arguments.Positional is not [string filter, ..])
        {
            throw run.Fail("map needs the name of a filter or an attribute");
        }

        var rest = new JinjaArguments(arguments.Positional[1..], arguments.Named);
        return new JinjaList(
            items.ConvertAll(item =>
            {
                run.Step(run.Line);
                return Apply(run, filter, item, rest);
            }),
            JinjaSequenceKind.Iterator);
    }

    private static JinjaList Select(JinjaRun run, object? value, JinjaArguments arguments, bool keep, bool byAttribute)
    {
        List<object?> items = ItemsIfTrue(run, value);
        List<object?> given = arguments.Positional;
        Func<object?, object?> get = item => item;
        if (byAttribute)
        {
            get = Getter(run, given.Count > 0 ? given[0] : throw run.Fail("the name of an attribute is missing"));
            given = given[1..];
        }

        string? test = given.Count == 0 ? null : given[0] as string ?? throw run.Fail("the name of a test is no text");
        var rest = new JinjaArguments(given.Count > 0 ? given[1..] : [], arguments.Named);
        return new JinjaList(
            items.FindAll(item =>
            {
                run.Charge(1);
                object? tested = get(item);
                return (test is null ? JinjaValue.IsTrue(tested) : JinjaTests.Apply(run, test, tested, rest)) == keep;
            }),
            JinjaSequenceKind.Iterator);
    }

    private static JinjaList Sort(JinjaRun run, object? value, JinjaArguments arguments)
    {
        object?[] given = arguments.Bind(run, "sort", 0, "reverse", "case_sensitive", "attribute");
        List<object?> items = Items(run, value);
        Func<object?, object?> caseless = Caseless(run, given[1]);
        Func<object?, object?> key = item => caseless(item);
        if (given[2] is string several && several.Contains(','))
        {
            Func<object?, object?>[] getters = [.. several.Split(',').Select(name => Getter(run, name))];
            key = item => JinjaList.Tuple([.. getters.Select(get => caseless(get(item)))]);
        }
        else if (given[2] != JinjaArguments.Absent)
        {
            Func<object?, object?> get = Getter(run, given[2]);
            key = item => caseless(get(item));
        }

        return new JinjaList(Sorted(run, items, key, given[0] != JinjaArguments.Absent && JinjaValue.IsTrue(given[0])));
    }

    // Equal ones keep their order, backwards too, as in Python. A merge sort, since it asks each order once and stops at its errors.
    private static List<object?> Sorted(JinjaRun run, List<object?> items, Func<object?, object?> key, bool reverse)
    {
        bool IsBefore(object? a, object? b) => reverse ? JinjaValue.Compare(run, b, a) < 0 : JinjaValue.Compare(run, a, b) < 0;
        var from = items.ConvertAll(item => (Key: key(item), Item: item)).ToArray();
        var to = new (object? Key, object? Item)[from.Length];
        for (int width = 1; width < from.Length; width *= 2)
        {
            for (int start = 0; start < from.Length; start += 2 * width)
            {
                int middle = Math.Min(start + width, from.Length);
                int end = Math.Min(start + (2 * width), from.Length);
                for (int at = start, left = start, right = middle; at < end; at++)
                {
                    bool takesRight = left == middle || (right < end && IsBefore(from[right].Key, from[left].Key));
                    to[at] = takesRight ? from[right++] : from[left++];
                }
            }

            (from, to) = (to, from);
        }

        return [.. from.Select(pair => pair.Item)];
    }

    private static JinjaList SortDictionary(JinjaRun run, object? value, JinjaArguments arguments)
    {
        object?[] given = arguments.Bind(run, "dictsort", 0, "case_sensitive", "by", "reverse");
        JinjaValue.CheckDefined(run, value);
        if (value is not JinjaDictionary dictionary || Or(given[1], "key") is not ("key" or "value"))
        {
            throw run.Fail("dictsort needs a mapping, and sorts by 'key' or 'value'");
        }

        int place = Or(given[1], "key") is "key" ? 0 : 1;
        Func<object?, object?> caseless = Caseless(run, given[0]);
        bool reverse = given[2] != JinjaArguments.Absent && JinjaValue.IsTrue(given[2]);
        return new JinjaList(Sorted(run, [.. JinjaMethods.Items(dictionary)], item => caseless(((JinjaList)item!).Items[place]), reverse));
    }

    private static JinjaList Unique(JinjaRun run, object? value, JinjaArguments arguments)
    {
        object?[] given = arguments.Bind(run, "unique", 0, "case_sensitive", "attribute");
        Func<object?, object?> get = Getter(run, given[1]);
        Func<object?, object?> caseless = Caseless(run, given[0]);
        var seen = new JinjaDictionary();
        return new JinjaList(
            Items(run, value).FindAll(item =>
            {
                object? key = caseless(get(item));
                bool isNew = !seen.TryGet(run, key, out _);
                seen.Set(run, key, true);
                return isNew;
            }),
            JinjaSequenceKind.Iterator);
    }

    private static object? Extreme(JinjaRun run, object? value, JinjaArguments arguments, int sign)
    {
        object?[] given = arguments.Bind(run, sign > 0 ? "max" : "min", 0, "case_sensitive", "attribute");
        Func<object?, object?> get = Getter(run, given[1]);
        Func<object?, object?> caseless = Caseless(run, given[0]);
        List<object?> items = Items(run, value);
        if (items.Count == 0)
        {
            return new JinjaUndefined("No aggregated item, sequence was empty.");
        }

        object? best = items[0];
        object? bestKey = caseless(get(best));
        foreach (object? item in items.Skip(1))
        {
            object? key = caseless(get(item));
            if (JinjaValue.Compare(run, key, bestKey) * sign > 0)
            {
                (best, bestKey) = (item, key);
            }
        }

        return best;
    }

    private static object? Sum(JinjaRun run, object? value, JinjaArguments arguments)
    {
        object?[] given = arguments.Bind(run, "sum", 0, "attribute", "start");
        Func<object?, object?> get = Getter(run, given[0]);
        object? total = Or(given[1], 0L);
        foreach (object? item in Items(run, value))
        {
            object? next = get(item);
            total = total is string || next is string
                ? throw run.Fail("texts cannot be summed")
                : JinjaOperators.Calculate(run, "+", total, next);
        }

        return total;
    }

    private static JinjaList Group(JinjaRun run, object? value, JinjaArguments arguments)
    {
        object?[] given = arguments.Bind(run, "groupby", 1, "attribute", "default", "case_sensitive");
        Func<object?, object?> get = Getter(run, given[0], given[1]);
        Func<object?, object?> caseless = Caseless(run, given[2]);
        var groups = new List<object?>();
        object? last = null;
        foreach (object? item in Sorted(run, Items(run, value), item => caseless(get(item)), reverse: false))
        {
            object? key = caseless(get(item));
            if (groups.Count == 0 || !JinjaValue.AreEqual(run, key, last))
            {
                groups.Add(new JinjaList([get(item), new JinjaList([])], JinjaSequenceKind.Tuple) { Names = ["grouper", "list"] });
                last = key;
            }

            ((JinjaList)((JinjaList)groups[^1]!).Items[1]!).Items.Add(item);
        }

        return new JinjaList(groups);
    }

    private static JinjaList Batch(JinjaRun run, object? value, JinjaArguments arguments)
    {
        object?[] given = arguments.Bind(run, "batch", 1, "linecount", "fill_with");
        int size = Number(run, given[0]) is >= 1 and var count ? count : throw run.Fail("the size of batch is less than 1");
        List<object?> batches = [.. Items(run, value).Chunk(size).Select(items => new JinjaList([.. items]))];
        if (given[1] != JinjaArguments.Absent && given[1] is not null && batches is [.., JinjaList last])
        {
            run.Charge(size);
            last.Items.AddRange(Enumerable.Repeat(given[1], size - last.Items.Count));
        }

        return new JinjaList(batches, JinjaSequenceKind.Iterator);
    }

    private static JinjaList Slice(JinjaRun run, object? value, JinjaArguments arguments)
    {
        object?[] given = arguments.Bind(run, "slice", 1, "slices", "fill_with");
        int slices = Number(run, given[0]) is >= 1 and var count ? count : throw run.Fail("the number of slices is less than 1");
        run.Charge(slices);
        List<object?> items = Items(run, value);
        (int size, int more) = Math.DivRem(items.Count, slices);
        var result = new List<object?>();
        for (int i = 0, at = 0; i < slices; i++)
        {
            int length = size + (i < more ? 1 : 0);
            List<object?> slice = items.GetRange(at, length);
            at += length;
            if (given[1] != JinjaArguments.Absent && given[1] is not null && i >= more)
            {
                slice.Add(given[1]);
            }

            result.Add(new JinjaList(slice));
        }

        return new JinjaList(result, JinjaSequenceKind.Iterator);
    }
}
