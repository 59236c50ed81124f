namespace Kernels;

/// <summary>What a launch gives beside the sequences.</summary>
public sealed record ReferenceOptions
{
    /// <summary>The learned logit of each query head, where the shape has sinks.</summary>
    public IReadOnlyList<float>? Sinks { get; init; }

    /// <summary>Keys at the beginning that every query sees, in a prefix-LM.</summary>
    public int PrefixLength { get; init; }

    /// <summary>The document of each key of the sequence, where the shape has documents.</summary>
    public IReadOnlyList<int>? Documents { get; init; }

    /// <summary>Whether each key of the sequence can be seen, where the shape has a mask on keys.</summary>
    public IReadOnlyList<bool>? KeyPadding { get; init; }

    /// <summary>What is added to a score of the sequence, where the shape has a bias: (head, query's index, key).</summary>
    public Func<int, int, int, double>? Bias { get; init; }

    /// <summary>The angles, where the shape has rope: as many positions as the sequence has keys, or more.</summary>
    public RopeTable? Rope { get; init; }

    /// <summary>Index of the request in the launch, for the mods.</summary>
    public int Batch { get; init; }

    /// <summary>A spec's score mod with its inputs bound: (score, batch, head, query, key).</summary>
    public Func<float, int, int, int, int, float>? ScoreMod { get; init; }

    /// <summary>A spec's mask mod with its inputs bound: (batch, head, query, key).</summary>
    public Func<int, int, int, int, bool>? MaskMod { get; init; }

    /// <summary>Whether all is there that a shape's scores need, for as many keys.</summary>
    /// <exception cref="ArgumentException">Something is missing, or of another length.</exception>
    internal void Check(AttentionShape shape, int keys)
    {
        Expect(shape.Sinks, nameof(Sinks), Sinks?.Count, shape.QueryHeads, "query heads");
        Expect(shape.Documents, nameof(Documents), Documents?.Count, keys, "keys");
        Expect(shape.KeyPadding, nameof(KeyPadding), KeyPadding?.Count, keys, "keys");
        if (shape.Bias && Bias is null)
        {
            throw new ArgumentException("The shape has a bias; the options have none.", "options");
        }

        if (shape.HasMods && ScoreMod is null && MaskMod is null)
        {
            throw new ArgumentException(
                $"The shape has mods; expected them as {nameof(ScoreMod)} and {nameof(MaskMod)}, with their inputs bound.", "options");
        }

        static void Expect(bool has, string name, int? length, int expected, string meaning)
        {
            if (has && length != expected)
            {
                throw new ArgumentException(
                    $"The shape has {name}; expected {expected} ({meaning}), got {(length is { } count ? $"{count}" : "none")}.",
                    "options");
            }
        }
    }

    /// <summary>Whether nothing that is given hides a key from the query at a position.</summary>
    /// <exception cref="ArgumentException">Something that the shape has is missing.</exception>
    internal bool Shows(AttentionShape shape, int position, int key)
    {
        return (!shape.Documents
                || (position >= 0 && Given(Documents, nameof(Documents)) is { } documents && documents[position] == documents[key]))
            && (!shape.KeyPadding || Given(KeyPadding, nameof(KeyPadding))[key]);

        static T Given<T>(T? input, string name) where T : class =>
            input ?? throw new ArgumentException($"The shape has {name}; the options have none.", "options");
    }

    /// <summary>What is added to the score of a query, by its index, and a key.</summary>
    internal double Added(AttentionShape shape, int head, int query, int key) => shape.Bias ? Bias!(head, query, key) : 0;

    /// <summary>What is added to the softmax denominator of an output, not to its LSE, where weights are relative to a score.</summary>
    internal double AddedWeight(AttentionShape shape, int head, double score) => shape.Sinks ? Math.Exp(Sinks![head] - score) : 0;

    /// <summary>The angles, of a shape that has rope.</summary>
    /// <exception cref="ArgumentException">They are missing, or too few.</exception>
    internal RopeTable CheckedRope(int keys)
    {
        RopeTable table = Rope ?? throw new ArgumentException("The shape has rope; the options have no table.", "options");
        return table.Positions >= keys
            ? table
            : throw new ArgumentException($"Expected a rope table of {keys} positions or more, got one of {table.Positions}.", "options");
    }
}
