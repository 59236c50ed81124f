namespace Kernels.Compiler.Emit.Masks;

/// <summary>Which keys a query sees, as expressions on positions that are counted in keys of the sequence.</summary>
internal abstract class Mask
{
    public static Mask For(AttentionMask mask) => mask switch
    {
        AttentionMask.None => new NoMask(),
        AttentionMask.Causal => new CausalMask(),
        _ => throw new ArgumentOutOfRangeException(nameof(mask), mask, "No such mask."),
    };

    /// <summary>What the mask is called in comments.</summary>
    public abstract string DisplayName { get; }

    /// <summary>Whether any key inside the sequence can be hidden.</summary>
    public abstract bool HidesKeys { get; }

    /// <summary>True when the query at <paramref name="query"/> sees the key at <paramref name="key"/>.</summary>
    public abstract string Visible(string query, string key);

    /// <summary>True when all queries from <paramref name="firstQuery"/> on see all keys up to <paramref name="lastKey"/>.</summary>
    public abstract string AllVisible(string firstQuery, string lastKey);
}

internal sealed class NoMask : Mask
{
    public override string DisplayName => "no mask";

    public override bool HidesKeys => false;

    public override string Visible(string query, string key) => "1";

    public override string AllVisible(string firstQuery, string lastKey) => "1";
}

internal sealed class CausalMask : Mask
{
    public override string DisplayName => "causal";

    public override bool HidesKeys => true;

    public override string Visible(string query, string key) => $"{key} <= {query}";

    public override string AllVisible(string firstQuery, string lastKey) => $"{lastKey} <= {firstQuery}";
}
