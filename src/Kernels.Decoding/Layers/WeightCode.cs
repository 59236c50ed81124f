namespace Kernels.Decoding;

/// <summary>What the number of a single weight is stored as.</summary>
internal enum WeightCode
{
    /// <summary>float32, the weight itself.</summary>
    Float32,

    /// <summary>float16, the weight itself.</summary>
    Float16,

    /// <summary>bfloat16, the weight itself.</summary>
    BFloat16,

    /// <summary>8-bit floating point with 4 bits of exponent and 3 of mantissa, times the scale of its group.</summary>
    E4M3,

    /// <summary>4-bit floating point with 2 bits of exponent and 1 of mantissa, times the scale of its group.</summary>
    E2M1,

    /// <summary>A signed integer of 8 bits, times the scale of its group.</summary>
    Int8,

    /// <summary>An unsigned integer of 4 bits, less <see cref="WeightFormat.Zero"/>, times the scale of its group.</summary>
    Int4,
}
