namespace Kernels.Decoding;

/// <summary>The functions that every template has: those of Jinja2, and those that transformers adds.</summary>
internal static class JinjaGlobals
{
    public static readonly Dictionary<string, JinjaFunction> All = new JinjaFunction[]
    {
        new("raise_exception", (run, arguments) =>
            throw new ChatTemplateException(
                ChatTemplateFault.Refused, run.Line, JinjaValue.Text(run, arguments.Bind(run, "raise_exception", 1, "message")[0]))),
        new("strftime_now", (run, arguments) =>
            JinjaDate.Format(run, run.Now, arguments.Bind(run, "strftime_now", 1, "format")[0] as string
                ?? throw run.Fail("the format of strftime_now is no text"))),
        new("namespace", Namespace),
        new("range", Range),
        new("dict", Dictionary),
        new("cycler", Cycler),
        new("joiner", Joiner),
    }.ToDictionary(function => function.Name);

    private static JinjaNamespace Namespace(JinjaRun run, JinjaArguments arguments)
    {
        var space = new JinjaNamespace();
        foreach ((object? key, object? value) in ((JinjaDictionary)Dictionary(run, arguments)!).Entries)
        {
            space.Attributes[key as string ?? throw run.Fail("the name of an attribute is no text")] = value;
        }

        return space;
    }

    private static object? Dictionary(JinjaRun run, JinjaArguments arguments)
    {
        var dictionary = new JinjaDictionary();
        if (arguments.Positional.Count > 1)
        {
            throw run.Fail("dict takes one value without a name");
        }

        JinjaMethods.Update(run, dictionary, arguments);
        return dictionary;
    }

    private static JinjaList Range(JinjaRun run, JinjaArguments arguments)
    {
        var bounds = new long[3];
        for (int i = 0; i < arguments.Positional.Count; i++)
        {
            JinjaValue.CheckDefined(run, arguments.Positional[i]);
            bounds[Math.Min(i, 2)] = JinjaNumber.Index(arguments.Positional[i])
                ?? throw run.Fail("the bounds of a range are not whole numbers");
        }

        (long start, long stop, long step) = arguments switch
        {
            { Named.Count: > 0 } or { Positional.Count: 0 or > 3 } => throw run.Fail("range takes one to three numbers"),
            { Positional.Count: 1 } => (0, bounds[0], 1),
            { Positional.Count: 2 } => (bounds[0], bounds[1], 1),
            _ => (bounds[0], bounds[1], bounds[2]),
        };
        if (step == 0)
        {
            throw run.Fail("the step of a range is 0");
        }

        long count = Math.Max(0, step > 0 ? (stop - start + step - 1) / step : (start - stop - step - 1) / -step);
        if (count > JinjaRun.MaxRange)
        {
            throw new ChatTemplateException(
                ChatTemplateFault.Limit, run.Line, $"a range has {count:N0} numbers, of at most {JinjaRun.MaxRange:N0}");
        }

        run.Charge(count);
        var numbers = new List<object?>((int)count);
        for (long i = 0; i < count; i++)
        {
            numbers.Add(start + (i * step));
        }

        string label = step == 1 ? $"range({start}, {stop})" : $"range({start}, {stop}, {step})";
        return new JinjaList(numbers, JinjaSequenceKind.Range) { Label = label };
    }

    private static JinjaNamespace Cycler(JinjaRun run, JinjaArguments arguments)
    {
        List<object?> items = arguments.Positional.Count > 0 ? arguments.Positional : throw run.Fail("cycler needs items");
        int place = 0;
        var cycler = new JinjaNamespace();
        cycler.Attributes["current"] = items[0];
        cycler.Attributes["next"] = new JinjaFunction("next", (_, _) => Move(place + 1, items[place]));
        cycler.Attributes["reset"] = new JinjaFunction("reset", (_, _) => Move(0, null));
        return cycler;

        object? Move(int to, object? result)
        {
            place = to % items.Count;
            cycler.Attributes["current"] = items[place];
            return result;
        }
    }

    private static JinjaFunction Joiner(JinjaRun run, JinjaArguments arguments)
    {
        object? separator = arguments.Bind(run, "joiner", 0, "sep")[0];
        bool used = false;
        return new JinjaFunction("joiner", (_, _) =>
        {
            (bool was, used) = (used, true);
            return !was ? "" : separator == JinjaArguments.Absent ? ", " : separator;
        });
    }
}
