namespace Kernels.Compiler.Emit.Addressing;

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
