using Kernels.Compiler.Specs;

namespace Kernels.Compiler.Emit.Addressing;

/// <summary>Where a token of a sequence lies in the cache.</summary>
internal abstract class KvAddressing
{
    public static KvAddressing For(AttentionSpec spec) => spec.PageSize == 0
        ? new ContiguousAddressing(spec.Layout)
        : new PagedAddressing(spec.Layout, spec.PageSize);

    /// <summary>What the addressing is called in comments.</summary>
    public abstract string DisplayName { get; }

    /// <summary>What a helper function needs to find a row.</summary>
    public abstract string FunctionParameters { get; }

    /// <summary>The names of <see cref="FunctionParameters"/>.</summary>
    public abstract string Arguments { get; }

    /// <summary>Index of the first item of a token's row, as a long.</summary>
    /// <param name="token">Expression: the token's position in its sequence.</param>
    /// <param name="dim">Expression: items of a row; "1" for what a token has one of in each head.</param>
    public abstract string RowOfToken(string token, string dim);

    /// <summary>Expression: how many rows from a token's row of a head the next head's is.</summary>
    public abstract string RowsOfHead { get; }

    /// <summary>Whether the rows of consecutive tokens of a head lie one after the other.</summary>
    public abstract bool RowsAreAdjacent { get; }

    /// <summary>
    /// Expression: how many of <paramref name="count"/> tokens from <paramref name="token"/> on have rows one after the other, 1 or more.
    /// </summary>
    public abstract string AdjacentTokens(string token, string count);

    /// <summary>Index of the first item of a cache slot's row, as a long; a slot is sequence × capacity + token.</summary>
    public abstract string RowOfSlot(string slot, string dim);

    protected static string Items(string row, string dim) => dim == "1" ? row : $"({row}) * {dim}";
}
