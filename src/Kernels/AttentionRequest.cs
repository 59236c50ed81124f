namespace Kernels;

/// <summary>One sequence's part in a launch: its new query tokens against its first keys.</summary>
/// <param name="Sequence">The sequence.</param>
/// <param name="QueryLength">Query tokens, s_q; the queries of a launch's requests lie packed one after the other.</param>
/// <param name="KeyLength">
/// Keys that the queries run against, s_k, the new tokens' own included. Query i stands at key position i + s_k − s_q. null: all tokens
/// that the sequence has in the cache when the plan is built, after the step's were added to it.
/// </param>
/// <param name="PrefixLength">
/// Keys at the beginning that every query sees, where the spec's mask is <see cref="AttentionMask.PrefixCausal"/>.
/// </param>
public readonly record struct AttentionRequest(SequenceHandle Sequence, int QueryLength, int? KeyLength = null, int PrefixLength = 0)
{
    /// <summary>The key length of a request that has one.</summary>
    internal int Keys => KeyLength.GetValueOrDefault();
}
