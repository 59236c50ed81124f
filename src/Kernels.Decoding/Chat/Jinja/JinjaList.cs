namespace Kernels.Decoding;

/// <summary>A list, or another of Python's sequences.</summary>
/// <param name="items">Its elements.</param>
/// <param name="kind">Which of them.</param>
internal sealed class JinjaList(List<object?> items, JinjaSequenceKind kind = JinjaSequenceKind.List)
{
    public List<object?> Items { get; private set; } = items;

    public JinjaSequenceKind Kind { get; } = kind;

    /// <summary>Names of the elements; null if they have none.</summary>
    public string[]? Names { get; init; }

    /// <summary>What <c>str</c> gives of a range or view.</summary>
    public string? Label { get; init; }

    /// <summary>Whether elements are found by their places.</summary>
    public bool HasPlaces => Kind is JinjaSequenceKind.List or JinjaSequenceKind.Tuple or JinjaSequenceKind.Range;

    public static JinjaList Tuple(params List<object?> items) => new(items, JinjaSequenceKind.Tuple);

    /// <summary>The elements to go through; an iterator has none afterwards.</summary>
    public List<object?> Take()
    {
        List<object?> taken = Items;
        if (Kind == JinjaSequenceKind.Iterator)
        {
            Items = [];
        }

        return taken;
    }
}
