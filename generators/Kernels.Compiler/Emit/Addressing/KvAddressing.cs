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

    /// <summary>Expression: how many of <paramref name="count"/> tokens from <paramref name="token"/> on have rows one after the other, 1 or more.</summary>
    public abstract string AdjacentTokens(string token, string count);

    /// <summary>Index of the first item of a cache slot's row, as a long; a slot is sequence × capacity + token.</summary>
    public abstract string RowOfSlot(string slot, string dim);

    protected static string Items(string row, string dim) => dim == "1" ? row : $"({row}) * {dim}";
}

/// <summary>Every sequence has room for <c>capacity</c> tokens, one after the other.</summary>
internal sealed class ContiguousAddressing(KvLayout layout) : KvAddressing
{
    public override string DisplayName => layout == KvLayout.Hnd
        ? "contiguous cache [sequence, KV head, token, dim]"
        : "contiguous cache [sequence, token, KV head, dim]";

    public override string RowsOfHead => layout == KvLayout.Hnd ? "capacity" : "1";

    public override bool RowsAreAdjacent => layout == KvLayout.Hnd;

    public override string AdjacentTokens(string token, string count) => layout == KvLayout.Hnd ? count : "1";

    public override string FunctionParameters => "int capacity";

    public override string Arguments => "capacity";

    public override string RowOfToken(string token, string dim) => Items(
        layout == KvLayout.Hnd
            ? $"((long)sequence * KV_HEADS + kv_head) * capacity + {token}"
            : $"((long)sequence * capacity + {token}) * KV_HEADS + kv_head",
        dim);

    public override string RowOfSlot(string slot, string dim) => Items(
        layout == KvLayout.Hnd
            ? $"((long)({slot} / capacity) * KV_HEADS + kv_head) * capacity + {slot} % capacity"
            : $"(long){slot} * KV_HEADS + kv_head",
        dim);
}

/// <summary>
/// A sequence is a list of pages of <paramref name="pageSize"/> tokens; the list is part of the plan, and the work item's
/// <c>sequence</c> says where in the plan it begins.
/// </summary>
internal sealed class PagedAddressing(KvLayout layout, int pageSize) : KvAddressing
{
    public override string DisplayName => layout == KvLayout.Hnd
        ? $"paged cache [page, KV head, {pageSize} tokens, dim]"
        : $"paged cache [page, {pageSize} tokens, KV head, dim]";

    public override string RowsOfHead => layout == KvLayout.Hnd ? C.Int(pageSize) : "1";

    public override bool RowsAreAdjacent => false;

    public override string AdjacentTokens(string token, string count) =>
        layout == KvLayout.Hnd ? $"min({count}, {pageSize} - {token} % {pageSize})" : "1";

    public override string FunctionParameters => "global const int* plan";

    public override string Arguments => "plan";

    public override string RowOfToken(string token, string dim) =>
        Row($"plan[sequence + {token} / {pageSize}]", $"{token} % {pageSize}", dim);

    public override string RowOfSlot(string slot, string dim) => Row($"({slot} / {pageSize})", $"{slot} % {pageSize}", dim);

    private string Row(string page, string token, string dim) => Items(
        layout == KvLayout.Hnd
            ? $"((long){page} * KV_HEADS + kv_head) * {pageSize} + {token}"
            : $"((long){page} * {pageSize} + {token}) * KV_HEADS + kv_head",
        dim);
}
