namespace Kernels.Decoding;

/// <summary>In which form a checkpoint keeps weights in fewer than 16 bits.</summary>
internal enum QuantizationMethod
{
    /// <summary>E4M3 with a scale for each block of rows and columns (DeepSeek-V3).</summary>
    Fp8Blocks,

    /// <summary>MXFP4, of experts only (gpt-oss).</summary>
    Mxfp4,
}
