namespace Kernels.Decoding;

/// <summary>
/// How exactly linear layers on a CPU take their inputs, where its processor has dot products of narrow numbers (AVX512-BF16, AVX512-VNNI).
/// Weights are taken as they are stored in any case, and sums are float32.
/// </summary>
internal enum LinearPrecision
{
    /// <summary>
    /// Of up to 128 tokens, inputs keep 24 bits: all of their own with bfloat16 weights, with quantised weights those of the largest of
    /// their group of at most 32. Of more, they keep the 8 bits of bfloat16, as in PyTorch and llama.cpp, or with quantised weights 16
    /// bits.
    /// </summary>
    Standard,

    /// <summary>float32, without dot products: slower.</summary>
    Float32,

    /// <summary>
    /// Of more than 8 tokens, inputs keep 8 bits, with quantised weights of the largest of their group, as in llama.cpp: faster.
    /// </summary>
    Fast,
}
