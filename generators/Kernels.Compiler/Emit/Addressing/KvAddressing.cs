using Kernels.Compiler.Specs;

namespace Kernels.Compiler.Emit.Addressing;

/// <summary>Where a token of a sequence lies in the cache.</summary>
internal abstract class KvAddressing
{
    public static KvAddressing For(AttentionSpec spec) => new ContiguousAddressing(spec.Layout);

    /// <summary>What the addressing is called in comments.</summary>
    public abstract string DisplayName { get; }

    /// <summary>Kernel parameters that the addressing needs, after all others.</summary>
    public abstract string Parameters { get; }

    /// <summary>The names of <see cref="Parameters"/>, as arguments of a helper function.</summary>
    public abstract string Arguments { get; }

    /// <summary>Index of the first element of a token's row, as a long.</summary>
    /// <param name="token">Expression: the token's position in its sequence.</param>
    /// <param name="dim">Expression: elements of a row.</param>
    public abstract string RowOfToken(string token, string dim);

    /// <summary>Whether the rows of consecutive tokens of a head lie one after the other.</summary>
    public abstract bool RowsAreAdjacent { get; }

    /// <summary>Index of the first element of a cache slot's row, as a long; a slot is sequence × capacity + token.</summary>
    public abstract string RowOfSlot(string slot, string dim);
}

/// <summary>Every sequence has room for <c>capacity</c> tokens, one after the other.</summary>
internal sealed class ContiguousAddressing(KvLayout layout) : KvAddressing
{
    public override string DisplayName => layout == KvLayout.Hnd
        ? "contiguous cache [sequence, KV head, token, dim]"
        : "contiguous cache [sequence, token, KV head, dim]";

    public override bool RowsAreAdjacent => layout == KvLayout.Hnd;

    public override string Parameters => "int capacity";

    public override string Arguments => "capacity";

    public override string RowOfToken(string token, string dim) => layout == KvLayout.Hnd
        ? $"(((long)sequence * KV_HEADS + kv_head) * capacity + {token}) * {dim}"
        : $"(((long)sequence * capacity + {token}) * KV_HEADS + kv_head) * {dim}";

    public override string RowOfSlot(string slot, string dim) => layout == KvLayout.Hnd
        ? $"(((long)({slot} / capacity) * KV_HEADS + kv_head) * capacity + {slot} % capacity) * {dim}"
        : $"((long){slot} * KV_HEADS + kv_head) * {dim}";
}
