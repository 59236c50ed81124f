namespace Kernels.Decoding;

/// <summary>The types that the elements of a tensor may have in a file.</summary>
internal enum TensorType
{
    /// <summary>IEEE 754 binary32, <c>F32</c>; read as <see cref="float"/>.</summary>
    Float32,

    /// <summary>IEEE 754 binary16, <c>F16</c>; read as <see cref="Half"/>.</summary>
    Float16,

    /// <summary>bfloat16, <c>BF16</c>; read as <see cref="Kernels.BFloat16"/>.</summary>
    BFloat16,

    /// <summary><c>I32</c>; read as <see cref="int"/>.</summary>
    Int32,

    /// <summary><c>I64</c>; read as <see cref="long"/>.</summary>
    Int64,

    /// <summary><c>U8</c>; read as <see cref="byte"/>.</summary>
    UInt8,

    /// <summary>8-bit floating point with 4 bits of exponent, <c>F8_E4M3</c>.</summary>
    Float8E4M3,

    /// <summary>GGUF's groups of 32 integers of 4 bits with a scale.</summary>
    Q4_0,

    /// <summary>The same with a minimum.</summary>
    Q4_1,

    /// <summary>GGUF's groups of 32 integers of 5 bits with a scale.</summary>
    Q5_0,

    /// <summary>GGUF's groups of 32 integers of 8 bits with a scale.</summary>
    Q8_0,

    /// <summary>GGUF's groups of 32 integers of 4 bits with a scale and a minimum, eight of them together.</summary>
    Q4_K,

    /// <summary>The same of 5 bits.</summary>
    Q5_K,

    /// <summary>GGUF's groups of 16 integers of 6 bits with a scale, sixteen of them together.</summary>
    Q6_K,

    /// <summary>Another type, which is not read: <see cref="TensorInfo.StoredType"/> names it.</summary>
    Other,
}
