namespace Kernels.Compiler.Emit.Addressing;

/// <summary>
/// A sequence is a list of pages of <paramref name="pageSize"/> tokens; the list is part of the plan, and the work tile's
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
