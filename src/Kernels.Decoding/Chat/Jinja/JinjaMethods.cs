using System.Text;

namespace Kernels.Decoding;

/// <summary>The methods of Python's texts, lists and mappings that templates call.</summary>
internal static class JinjaMethods
{
    private delegate object? Method<T>(JinjaRun run, T self, JinjaArguments arguments);

    private static readonly Dictionary<string, Method<string>> OfTexts = new()
    {
        ["strip"] = (run, text, arguments) => Strip(run, text, arguments, start: true, end: true),
        ["lstrip"] = (run, text, arguments) => Strip(run, text, arguments, start: true, end: false),
        ["rstrip"] = (run, text, arguments) => Strip(run, text, arguments, start: false, end: true),
        ["upper"] = (_, text, _) => JinjaText.Upper(text),
        ["lower"] = (_, text, _) => JinjaText.Lower(text),
        ["casefold"] = (_, text, _) => JinjaText.Lower(text).Replace("ß", "ss", StringComparison.Ordinal),
        ["title"] = (_, text, _) => JinjaText.Title(text),
        ["capitalize"] = (_, text, _) => JinjaText.Capitalize(text),
        ["split"] = (run, text, arguments) => Split(run, text, arguments, fromEnd: false),
        ["rsplit"] = (run, text, arguments) => Split(run, text, arguments, fromEnd: true),
        ["splitlines"] = (run, text, arguments) =>
        {
            object? keepEnds = arguments.Bind(run, "splitlines", 0, "keepends")[0];
            return new JinjaList(JinjaText.Lines(text, keepEnds != JinjaArguments.Absent && JinjaValue.IsTrue(keepEnds)));
        },
        ["partition"] = (run, text, arguments) => Partition(run, text, arguments, fromEnd: false),
        ["rpartition"] = (run, text, arguments) => Partition(run, text, arguments, fromEnd: true),
        ["startswith"] = (run, text, arguments) =>
            HasAffix(run, text, arguments, (part, affix) => part.StartsWith(affix, StringComparison.Ordinal)),
        ["endswith"] = (run, text, arguments) =>
            HasAffix(run, text, arguments, (part, affix) => part.EndsWith(affix, StringComparison.Ordinal)),
        ["removeprefix"] = (run, text, arguments) =>
            One(run, "removeprefix", arguments) is var affix && text.StartsWith(affix, StringComparison.Ordinal)
                ? text[affix.Length..]
                : text,
        ["removesuffix"] = (run, text, arguments) =>
            One(run, "removesuffix", arguments) is var affix && text.EndsWith(affix, StringComparison.Ordinal)
                ? text[..^affix.Length]
                : text,
        ["replace"] = (run, text, arguments) =>
        {
            object?[] given = arguments.Bind(run, "replace", 2, "old", "new", "count");
            return Replace(run, text, TextOf(run, given[0]), TextOf(run, given[1]), given[2]);
        },
        ["find"] = (run, text, arguments) => Find(run, text, arguments, fromEnd: false),
        ["rfind"] = (run, text, arguments) => Find(run, text, arguments, fromEnd: true),
        ["index"] = (run, text, arguments) =>
            Find(run, text, arguments, fromEnd: false) is >= 0 and var place ? place : throw run.Fail("the part is not in the text"),
        ["count"] = (run, text, arguments) => (long)Occurrences(text, One(run, "count", arguments)),
        ["join"] = (run, text, arguments) =>
        {
            List<object?> parts = JinjaValue.Iterate(run, arguments.Bind(run, "join", 1, "iterable")[0]);
            return Join(run, text, parts.ConvertAll(part => TextOf(run, part)));
        },
        ["isdigit"] = (_, text, _) => text.Length > 0 && text.All(char.IsDigit),
        ["isnumeric"] = (_, text, _) => text.Length > 0 && text.All(char.IsNumber),
        ["isdecimal"] = (_, text, _) => text.Length > 0 && text.All(char.IsDigit),
        ["isalpha"] = (_, text, _) => text.Length > 0 && text.EnumerateRunes().All(Rune.IsLetter),
        ["isalnum"] = (_, text, _) => text.Length > 0 && text.EnumerateRunes().All(Rune.IsLetterOrDigit),
        ["isspace"] = (_, text, _) => text.Length > 0 && text.All(JinjaText.IsSpace),
        ["isupper"] = (_, text, _) => text != JinjaText.Lower(text) && text == JinjaText.Upper(text),
        ["islower"] = (_, text, _) => text != JinjaText.Upper(text) && text == JinjaText.Lower(text),
        ["ljust"] = (run, text, arguments) => Pad(run, text, arguments, "ljust", room => room),
        ["rjust"] = (run, text, arguments) => Pad(run, text, arguments, "rjust", _ => 0),
        ["center"] = (run, text, arguments) => Pad(run, text, arguments, "center", room => room - (room / 2)),
        ["zfill"] = (run, text, arguments) =>
        {
            int signs = text.StartsWith('-') || text.StartsWith('+') ? 1 : 0;
            int room = Number(run, arguments.Bind(run, "zfill", 1, "width")[0]) - JinjaText.Length(text);
            return room <= 0 ? text : text[..signs] + JinjaValue.Repeat(run, "0", (long)room) + text[signs..];
        },
        ["format"] = JinjaFormat.Braces,
    };

    private static readonly Dictionary<string, Method<JinjaDictionary>> OfDictionaries = new()
    {
        ["get"] = (run, dictionary, arguments) =>
        {
            object?[] given = arguments.Bind(run, "get", 1, "key", "default");
            return dictionary.TryGet(run, given[0], out object? value) ? value : given[1] == JinjaArguments.Absent ? null : given[1];
        },
        ["keys"] = (run, dictionary, _) => View(run, "dict_keys", dictionary.Keys, dictionary.Count),
        ["values"] = (run, dictionary, _) => View(run, "dict_values", dictionary.Values, dictionary.Count),
        ["items"] = (run, dictionary, _) => View(run, "dict_items", Items(dictionary), dictionary.Count),
        ["copy"] = (run, dictionary, _) => Copy(run, dictionary),
        ["update"] = (run, dictionary, arguments) =>
        {
            Update(run, dictionary, arguments);
            return null;
        },
        ["setdefault"] = (run, dictionary, arguments) =>
        {
            object?[] given = arguments.Bind(run, "setdefault", 1, "key", "default");
            if (!dictionary.TryGet(run, given[0], out object? value))
            {
                value = given[1] == JinjaArguments.Absent ? null : given[1];
                dictionary.Set(run, given[0], value);
            }

            return value;
        },
        ["pop"] = (run, dictionary, arguments) =>
        {
            object?[] given = arguments.Bind(run, "pop", 1, "key", "default");
            if (dictionary.TryGet(run, given[0], out object? value))
            {
                run.Charge(dictionary.Count);
                dictionary.Remove(run, given[0]);
                return value;
            }

            return given[1] == JinjaArguments.Absent ? throw run.Fail("the key is not in the mapping") : given[1];
        },
        ["clear"] = (_, dictionary, _) =>
        {
            dictionary.Clear();
            return null;
        },
    };

    private static readonly Dictionary<string, Method<JinjaList>> OfTuples = new()
    {
        ["count"] = (run, list, arguments) =>
        {
            object? value = arguments.Bind(run, "count", 1, "value")[0];
            return (long)list.Items.Count(item => JinjaValue.AreEqual(run, item, value));
        },
        ["index"] = (run, list, arguments) =>
        {
            object? value = arguments.Bind(run, "index", 1, "value")[0];
            int place = list.Items.FindIndex(item => JinjaValue.AreEqual(run, item, value));
            return place >= 0 ? (long)place : throw run.Fail("the value is not in the list");
        },
    };

    private static readonly Dictionary<string, Method<JinjaList>> OfLists = new(OfTuples)
    {
        ["append"] = (run, list, arguments) => Change(() => list.Items.Add(arguments.Bind(run, "append", 1, "object")[0])),
        ["extend"] = (run, list, arguments) =>
            Change(() => list.Items.AddRange([.. JinjaValue.Iterate(run, arguments.Bind(run, "extend", 1, "iterable")[0])])),
        ["insert"] = (run, list, arguments) => Change(() =>
        {
            object?[] given = arguments.Bind(run, "insert", 2, "index", "object");
            run.Charge(list.Items.Count / 8);
            list.Items.Insert(Place(Number(run, given[0]), list.Items.Count), given[1]);
        }),
        ["pop"] = (run, list, arguments) =>
        {
            object? at = arguments.Bind(run, "pop", 0, "index")[0];
            int index = at == JinjaArguments.Absent ? -1 : Number(run, at);
            int place = index < 0 ? index + list.Items.Count : index;
            if (place < 0 || place >= list.Items.Count)
            {
                throw run.Fail("pop from an empty list, or beyond its end");
            }

            run.Charge((list.Items.Count - place) / 8);
            object? value = list.Items[place];
            list.Items.RemoveAt(place);
            return value;
        },
        ["remove"] = (run, list, arguments) => Change(() =>
        {
            object? value = arguments.Bind(run, "remove", 1, "value")[0];
            int place = list.Items.FindIndex(item => JinjaValue.AreEqual(run, item, value));
            list.Items.RemoveAt(place >= 0 ? place : throw run.Fail("the value is not in the list"));
        }),
        ["reverse"] = (run, list, _) => Change(() =>
        {
            run.Charge(list.Items.Count);
            list.Items.Reverse();
        }),
        ["clear"] = (_, list, _) => Change(list.Items.Clear),
        ["copy"] = (run, list, _) => new JinjaList([.. JinjaValue.Iterate(run, list)]),
    };

    /// <summary>A method of a value, bound to it; null if it has none of this name.</summary>
    public static JinjaFunction? Find(object? value, string name) => value switch
    {
        string text => Bind(OfTexts, text, name),
        JinjaDictionary dictionary => Bind(OfDictionaries, dictionary, name),
        JinjaList { Kind: JinjaSequenceKind.List } list => Bind(OfLists, list, name),
        JinjaList { Kind: JinjaSequenceKind.Tuple or JinjaSequenceKind.Range } tuple => Bind(OfTuples, tuple, name),
        _ => null,
    };

    /// <summary>The pairs of a mapping.</summary>
    public static IEnumerable<object?> Items(JinjaDictionary dictionary) =>
        dictionary.Entries.Select(entry => JinjaList.Tuple(entry.Key, entry.Value));

    /// <summary>Sets what a mapping, a list of pairs or named arguments say.</summary>
    public static void Update(JinjaRun run, JinjaDictionary dictionary, JinjaArguments arguments)
    {
        foreach (object? source in arguments.Positional)
        {
            IEnumerable<object?> pairs = source is JinjaDictionary mapping ? [.. Items(mapping)] : JinjaValue.Iterate(run, source);
            foreach (object? pair in pairs)
            {
                run.Charge(1);
                List<object?> two = JinjaValue.Iterate(run, pair);
                dictionary.Set(run, two.Count == 2 ? two[0] : throw run.Fail("a pair of a mapping has not two elements"), two[1]);
            }
        }

        foreach ((string name, object? value) in arguments.Named ?? [])
        {
            dictionary[name] = value;
        }
    }

    /// <summary>Replaces a part of a text wherever it is, or a number of times.</summary>
    public static string Replace(JinjaRun run, string text, string old, string by, object? count)
    {
        int most = count == JinjaArguments.Absent || count is null ? -1 : Number(run, count);
        run.Read(text);
        if (most == 0)
        {
            return text;
        }

        long places = old.Length == 0 ? JinjaText.Length(text) + 1L : Occurrences(text, old);
        places = most < 0 ? places : Math.Min(places, most);
        run.Allocate(text.Length + (places * (by.Length - (long)old.Length)));
        if (most < 0 && old.Length > 0)
        {
            return text.Replace(old, by, StringComparison.Ordinal);
        }

        var result = new StringBuilder();
        int from = 0;
        for (; places > 0; places--)
        {
            int at = old.Length == 0 ? from : text.IndexOf(old, from, StringComparison.Ordinal);
            int next = at + old.Length;
            result.Append(text, from, at - from).Append(by);
            if (old.Length == 0 && at < text.Length)
            {
                next = at + (char.IsHighSurrogate(text[at]) && at + 1 < text.Length ? 2 : 1);
                result.Append(text, at, next - at);
            }

            from = next;
        }

        return result.Append(text, from, text.Length - from).ToString();
    }

    /// <summary>Texts with one between them.</summary>
    public static string Join(JinjaRun run, string separator, List<string> parts)
    {
        run.Allocate(parts.Sum(part => (long)part.Length) + (Math.Max(0, parts.Count - 1) * (long)separator.Length));
        return string.Join(separator, parts);
    }

    private static JinjaFunction? Bind<T>(Dictionary<string, Method<T>> methods, T self, string name) =>
        methods.TryGetValue(name, out Method<T>? method)
            ? new JinjaFunction(name, (run, arguments) =>
            {
                if (self is string text)
                {
                    // Most make a text of the same length.
                    run.Read(text);
                    run.Allocate(text.Length);
                }

                return method(run, self, arguments);
            })
            : null;

    private static object? Change(Action change)
    {
        change();
        return null;
    }

    private static JinjaList View(JinjaRun run, string label, IEnumerable<object?> items, int count)
    {
        run.Charge(count);
        return new JinjaList([.. items], JinjaSequenceKind.View) { Label = label };
    }

    private static JinjaDictionary Copy(JinjaRun run, JinjaDictionary dictionary)
    {
        var copy = new JinjaDictionary();
        run.Charge(dictionary.Count);
        foreach ((object? key, object? value) in dictionary.Entries)
        {
            copy.Set(run, key, value);
        }

        return copy;
    }

    private static string TextOf(JinjaRun run, object? value)
    {
        JinjaValue.CheckDefined(run, value);
        return value as string ?? throw run.Fail($"a text was expected, not a value of the type {JinjaValue.TypeName(value)}");
    }

    private static int Number(JinjaRun run, object? value)
    {
        JinjaValue.CheckDefined(run, value);
        return JinjaNumber.Index(value)
            ?? throw run.Fail($"a whole number was expected, not a value of the type {JinjaValue.TypeName(value)}");
    }

    private static string One(JinjaRun run, string method, JinjaArguments arguments) =>
        TextOf(run, arguments.Bind(run, method, 1, "value")[0]);

    private static int Place(int index, int length) => Math.Clamp(index < 0 ? index + length : index, 0, length);

    private static string Strip(JinjaRun run, string text, JinjaArguments arguments, bool start, bool end)
    {
        object? characters = arguments.Bind(run, "strip", 0, "chars")[0];
        string? given = characters == JinjaArguments.Absent || characters is null ? null : TextOf(run, characters);
        return JinjaText.Strip(text, given, start, end);
    }

    private static JinjaList Split(JinjaRun run, string text, JinjaArguments arguments, bool fromEnd)
    {
        object?[] given = arguments.Bind(run, "split", 0, "sep", "maxsplit");
        int most = given[1] == JinjaArguments.Absent || Number(run, given[1]) < 0 ? int.MaxValue : Number(run, given[1]);
        var parts = new List<object?>();
        if (given[0] == JinjaArguments.Absent || given[0] is null)
        {
            SplitWords(text, most, fromEnd, parts);
        }
        else
        {
            string separator = TextOf(run, given[0]);
            if (separator.Length == 0)
            {
                throw run.Fail("the separator is empty");
            }

            int from = 0;
            int to = text.Length;
            int Next() => fromEnd ? text.AsSpan(0, to).LastIndexOf(separator) : text.IndexOf(separator, from, StringComparison.Ordinal);
            for (int at; parts.Count < most && (at = Next()) >= 0;)
            {
                parts.Add(fromEnd ? text[(at + separator.Length)..to] : text[from..at]);
                from = fromEnd ? 0 : at + separator.Length;
                to = fromEnd ? at : to;
            }

            parts.Add(text[from..to]);
        }

        if (fromEnd)
        {
            parts.Reverse();
        }

        run.Charge(parts.Count);
        return new JinjaList(parts);
    }

    private static void SplitWords(string text, int most, bool fromEnd, List<object?> parts)
    {
        // What is left over keeps the blanks of its far end.
        text = JinjaText.Strip(text, null, start: !fromEnd, end: fromEnd);
        int from = 0;
        int to = text.Length;
        while (from < to && parts.Count < most)
        {
            int at = fromEnd ? to : from;
            while (fromEnd ? at > from && !JinjaText.IsSpace(text[at - 1]) : at < to && !JinjaText.IsSpace(text[at]))
            {
                at += fromEnd ? -1 : 1;
            }

            parts.Add(fromEnd ? text[at..to] : text[from..at]);
            while (fromEnd ? at > from && JinjaText.IsSpace(text[at - 1]) : at < to && JinjaText.IsSpace(text[at]))
            {
                at += fromEnd ? -1 : 1;
            }

            from = fromEnd ? from : at;
            to = fromEnd ? at : to;
        }

        if (from < to)
        {
            parts.Add(text[from..to]);
        }
    }

    private static JinjaList Partition(JinjaRun run, string text, JinjaArguments arguments, bool fromEnd)
    {
        string separator = One(run, "partition", arguments);
        if (separator.Length == 0)
        {
            throw run.Fail("the separator is empty");
        }

        int at = fromEnd ? text.AsSpan().LastIndexOf(separator) : text.IndexOf(separator, StringComparison.Ordinal);
        return at < 0
            ? fromEnd ? JinjaList.Tuple("", "", text) : JinjaList.Tuple(text, "", "")
            : JinjaList.Tuple(text[..at], separator, text[(at + separator.Length)..]);
    }

    private static bool HasAffix(JinjaRun run, string text, JinjaArguments arguments, Func<string, string, bool> test)
    {
        object?[] given = arguments.Bind(run, "startswith", 1, "prefix", "start", "end");
        string part = (string)JinjaValue.Slice(run, text, Optional(given[1]), Optional(given[2]), null)!;
        return given[0] is JinjaList { Kind: JinjaSequenceKind.Tuple } tuple
            ? tuple.Items.Exists(affix => test(part, TextOf(run, affix)))
            : test(part, TextOf(run, given[0]));
    }

    private static long Find(JinjaRun run, string text, JinjaArguments arguments, bool fromEnd)
    {
        object?[] given = arguments.Bind(run, "find", 1, "sub", "start", "end");
        string sought = TextOf(run, given[0]);
        int length = JinjaText.Length(text);
        int start = Optional(given[1]) is { } s ? Number(run, s) : 0;
        int end = Optional(given[2]) is { } e ? Number(run, e) : length;
        if (start > length)
        {
            return -1;
        }

        int from = JinjaText.Unit(text, Place(start, length));
        int to = JinjaText.Unit(text, Place(end, length));
        if (to < from)
        {
            return -1;
        }

        ReadOnlySpan<char> part = text.AsSpan(from, to - from);
        int at = fromEnd ? part.LastIndexOf(sought) : part.IndexOf(sought);
        return at < 0 ? -1 : JinjaText.Point(text, from + at);
    }

    private static object? Optional(object? value) => value == JinjaArguments.Absent ? null : value;

    private static int Occurrences(string text, string part)
    {
        if (part.Length == 0)
        {
            return JinjaText.Length(text) + 1;
        }

        int count = 0;
        for (int at = 0; (at = text.IndexOf(part, at, StringComparison.Ordinal)) >= 0; at += part.Length)
        {
            count++;
        }

        return count;
    }

    private static string Pad(JinjaRun run, string text, JinjaArguments arguments, string method, Func<int, int> after)
    {
        object?[] given = arguments.Bind(run, method, 1, "width", "fillchar");
        string fill = given[1] == JinjaArguments.Absent ? " " : TextOf(run, given[1]);
        int room = Math.Max(0, Number(run, given[0]) - JinjaText.Length(text));
        int right = after(room);
        return JinjaValue.Repeat(run, fill, (long)(room - right)) + text + JinjaValue.Repeat(run, fill, (long)right);
    }
}
