namespace Kernels.Conformance;

/// <summary>
/// Numbers that are not, or are at the edge of their type, put among a case's inputs: some rows see them, others do not. What comes out is
/// held to IEEE arithmetic for the former and to the usual tolerances for the latter.
/// </summary>
internal sealed record Poison(PoisonPlace Place, PoisonKind Kind)
{
    // Tensor cores multiply before there is a scale, and integers of a cache are multiplied before theirs: products of larger numbers, with
    // those of a normal distribution, leave float32.
    private const float LargestFactor = 1e37f, LargestFactorOfIntegers = 1e35f;

    /// <summary>Whether it is finite, and as large as the type has it.</summary>
    public bool IsLarge => Kind is PoisonKind.Largest or PoisonKind.Lowest;

    /// <summary>Whether scores may be so large that float32 cannot tell which of two keys has the larger.</summary>
    public bool LeavesTies => IsLarge && Place is (PoisonPlace.Query or PoisonPlace.Key);

    /// <summary>The number, as an input of a spec with a storage and a cache in these types.</summary>
    public float Number(ElementType type, ElementType cache)
    {
        float largest = (type, Place) switch
        {
            (_, PoisonPlace.Bias or PoisonPlace.Sink) => float.MaxValue,
            (ElementType.Float16, _) => (float)Half.MaxValue,
            (_, PoisonPlace.Query) when cache.Scale() != CacheScale.None => LargestFactorOfIntegers,
            (ElementType.BFloat16, PoisonPlace.Query or PoisonPlace.Key) => LargestFactor,
            (ElementType.BFloat16, _) => (float)BFloat16.FromBits(0x7F7F),
            _ => float.MaxValue,
        };
        return Kind switch
        {
            PoisonKind.NaN => float.NaN,
            PoisonKind.Infinity => float.PositiveInfinity,
            PoisonKind.NegativeInfinity => float.NegativeInfinity,
            PoisonKind.Largest => largest,
            PoisonKind.Lowest => -largest,
            PoisonKind.Subnormal => type == ElementType.Float16 ? (float)Half.Epsilon * 3 : 1e-40f,
            PoisonKind.NegativeZero => -0.0f,
            _ => throw new ArgumentOutOfRangeException(nameof(type), Kind, "No such number."),
        };
    }

    /// <summary>
    /// Puts it into rows of one token: into one element, or, where a row must be all of its kind to matter, into all of them.
    /// </summary>
    /// <param name="rows">[tokens, heads, dim]</param>
    /// <param name="token">The token.</param>
    /// <param name="heads">Heads of a token.</param>
    /// <param name="dim">Elements of a row.</param>
    /// <param name="begin">The first element of a row that counts.</param>
    /// <param name="end">The end of those that do.</param>
    /// <param name="whole">
    /// Whether it goes into all of them, where that leaves scores that float32 has; of a large query, whether the others are zeros.
    /// </param>
    /// <param name="number">The number.</param>
    public void Put<T>(T[] rows, int token, int heads, int dim, int begin, int end, bool whole, float number) where T : unmanaged
    {
        // A product of whole rows of the largest is infinite in float32, whatever their scale. A query's other elements may be zeros
        // instead, so that nothing is left to tell keys apart that have the same product with it: they must share the row, in whatever
        // order it is added up.
        bool all = Kind is PoisonKind.Subnormal or PoisonKind.NegativeZero || (whole && (Place == PoisonPlace.Value || !IsLarge));
        for (int head = 0; head < heads; head++)
        {
            Span<T> row = rows.AsSpan(((token * heads) + head) * dim, dim)[begin..end];
            if (whole && IsLarge && Place == PoisonPlace.Query)
            {
                row.Clear();
            }

            (all ? row : row.Slice(Math.Min(3, row.Length - 1), 1)).Fill(Elements.From<T>(number));
        }
    }

    public override string ToString() => $"{Kind} in {Place}";
}
