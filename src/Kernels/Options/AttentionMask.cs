namespace Kernels;

/// <summary>Which keys a query may see. Query i of s_q stands at key position i + s_k − s_q (bottom-right alignment).</summary>
public enum AttentionMask
{
    /// <summary>Every query sees every key of its sequence.</summary>
    None = 0,

    /// <summary>Key k is visible to query i iff k ≤ i + s_k − s_q: a token sees itself and what came before.</summary>
    Causal = 1,

    /// <summary>Causal, but every query also sees the request's first keys, as many as the launch says: a prefix-LM.</summary>
    PrefixCausal = 2,
}
