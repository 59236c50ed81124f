using System.Collections.Immutable;

namespace Kernels.Decoding;

/// <summary>By what each frequency of a rope is divided; two are equal if their factors are.</summary>
/// <param name="values">A factor for each pair of elements.</param>
internal sealed class RopeFactors(ImmutableArray<double> values) : IEquatable<RopeFactors>
{
    /// <summary>The factor of a pair.</summary>
    public double this[int pair] => values[pair];

    /// <summary>Pairs.</summary>
    public int Count => values.Length;

    /// <inheritdoc/>
    public bool Equals(RopeFactors? other) => other is not null && values.AsSpan().SequenceEqual(other.Values);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as RopeFactors);

    /// <inheritdoc/>
    public override int GetHashCode() => values.Aggregate(values.Length, HashCode.Combine);

    private ReadOnlySpan<double> Values => values.AsSpan();
}
