namespace Kernels.Decoding;

/// <summary>
/// How exactly linear layers on a CPU take their inputs, where its processor has dot products of narrow numbers (AVX512-BF16, AVX512-VNNI).
/// Weights are taken as they are stored in any case, and sums are float32.
/// </summary>
internal enum LinearPrecision
{
    /// <summary>
    /// Of more than 8 tokens, inputs of bfloat16 weights are rounded to bfloat16, as PyTorch and llama.cpp do; otherwise they keep 16 bits: with
    /// bfloat16 weights each of its own, with quantised weights of the largest of their group of at most 32.
    /// </summary>
    Standard,

    /// <summary>float32, without dot products: slower.</summary>
    Float32,

    /// <summary>As <see cref="Standard"/>, but of more than 8 tokens, inputs of quantised weights keep 8 bits, as in llama.cpp: faster.</summary>
    Fast,
}
