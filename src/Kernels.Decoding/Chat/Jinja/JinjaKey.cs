using System.Numerics;

namespace Kernels.Decoding;

/// <summary>A key of a mapping, equal as Python's are: 1, 1.0 and True are the same one.</summary>
/// <param name="Value">The value; none that can change.</param>
internal readonly record struct JinjaKey(object? Value)
{
    public bool Equals(JinjaKey other) => Same(Value, other.Value);

    public override int GetHashCode() => Hash(Value);

    /// <summary>Whether a value can be a key.</summary>
    public static bool IsAllowed(JinjaRun run, object? value, int depth)
    {
        run.CheckDepth(depth);
        if (value is JinjaList list)
        {
            run.Charge(list.Items.Count);
            return list.Kind == JinjaSequenceKind.Tuple && list.Items.TrueForAll(item => IsAllowed(run, item, depth + 1));
        }

        return value is not JinjaDictionary;
    }

    private static bool Same(object? a, object? b) => (a, b) switch
    {
        (string x, string y) => x == y,
        (JinjaList x, JinjaList y) => x.Items.Count == y.Items.Count && x.Items.Zip(y.Items).All(pair => Same(pair.First, pair.Second)),
        _ when JinjaNumber.IsNumber(a) && JinjaNumber.IsNumber(b) => JinjaNumber.Compare(a, b) == 0,
        _ => ReferenceEquals(a, b),
    };

    private static int Hash(object? value) => value switch
    {
        null => 0,
        string text => text.GetHashCode(StringComparison.Ordinal),
        double real => real.GetHashCode(),
        _ when JinjaNumber.IsNumber(value) => JinjaNumber.Real(value).GetHashCode(),
        JinjaList list => list.Items.Aggregate(1, (hash, item) => HashCode.Combine(hash, Hash(item))),
        _ => value.GetHashCode(),
    };
}
