namespace Kernels.Decoding;

/// <summary>The variable <c>loop</c>.</summary>
/// <param name="items">What is gone through.</param>
/// <param name="depth">Recursions of the loop around it.</param>
internal sealed class JinjaLoop(List<object?> items, int depth)
{
    private object? changed = JinjaArguments.Absent;

    /// <summary>The place, from 0.</summary>
    public int Index { get; set; }

    /// <summary>Goes through other elements with the same body, if the loop is recursive.</summary>
    public JinjaFunction? Recurse { get; init; }

    public object? Get(string name) => name switch
    {
        "index" => Index + 1L,
        "index0" => (long)Index,
        "revindex" => (long)items.Count - Index,
        "revindex0" => (long)items.Count - Index - 1,
        "first" => Index == 0,
        "last" => Index == items.Count - 1,
        "length" => (long)items.Count,
        "previtem" => Index > 0 ? items[Index - 1] : new JinjaUndefined("there is no previous item"),
        "nextitem" => Index + 1 < items.Count ? items[Index + 1] : new JinjaUndefined("there is no next item"),
        "depth" => depth + 1L,
        "depth0" => (long)depth,
        "cycle" => new JinjaFunction("loop.cycle", (run, arguments) => arguments.Positional.Count > 0
            ? arguments.Positional[Index % arguments.Positional.Count]
            : throw run.Fail("no items for cycling given")),
        "changed" => new JinjaFunction("loop.changed", (run, arguments) =>
        {
            object? now = JinjaList.Tuple([.. arguments.Positional]);
            bool differs = changed == JinjaArguments.Absent || !JinjaValue.AreEqual(run, changed, now);
            changed = now;
            return differs;
        }),
        _ => new JinjaUndefined($"'loop' has no attribute '{name}'"),
    };
}
