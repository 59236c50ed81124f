namespace Kernels.Decoding;

/// <summary>A node of a <see cref="JsonGrammar"/>; other nodes are named by their numbers.</summary>
internal sealed class JsonNodeRule
{
    public JsonNodeKind Kind { get; set; }

    /// <summary>The texts of <see cref="JsonNodeKind.Literals"/>, or the keys of an object with their closing quotes.</summary>
    public ByteTrie? Texts { get; set; }

    /// <summary>Least and most characters of a string or items of an array; −1 for no limit.</summary>
    public int Least { get; set; }

    public int Most { get; set; } = -1;

    /// <summary>The items of an array.</summary>
    public int Item { get; set; } = -1;

    /// <summary>The properties of an object, in their order, and whether each is required.</summary>
    public List<(int Value, bool Required)> Properties { get; } = [];

    /// <summary>The values of an object's other properties; −1 where there may be none.</summary>
    public int Additional { get; set; } = -1;

    /// <summary>The nodes to choose from.</summary>
    public List<int> Choices { get; } = [];

    /// <summary>The first required property from a place on; as many as there are properties where none is.</summary>
    public int NextRequired(int from)
    {
        while (from < Properties.Count && !Properties[from].Required)
        {
            from++;
        }

        return from;
    }
}
