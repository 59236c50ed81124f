namespace Kernels.OpenCL;

/// <summary>What attention takes and gives of a layer.</summary>
public enum AttentionTensor
{
    /// <summary>Queries, [tokens, H_q, d_qk].</summary>
    Queries,

    /// <summary>New keys, [tokens, H_kv, d_qk].</summary>
    Keys,

    /// <summary>New values, [tokens, H_kv, d_v].</summary>
    Values,

    /// <summary>Outputs, [tokens, H_q, d_v].</summary>
    Outputs,
}
