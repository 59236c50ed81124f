namespace Kernels;

/// <summary>How one number is stored in device memory. Arithmetic is float32 whatever the storage.</summary>
/// <remarks>
/// The 8-bit and 4-bit types are for caches: what they hold is a number times a scale, see <see cref="CacheScale"/>.
/// Queries, new keys and values, and outputs keep one of the others.
/// </remarks>
public enum ElementType
{
    /// <summary>IEEE 754 single precision, 4 bytes; <see cref="float"/> on the host. ±3.4e38, 24 bits of precision.</summary>
    Float32 = 0,

    /// <summary>
    /// IEEE 754 half precision, 2 bytes; <c>System.Half</c> on the host. ±65504, 11 bits of precision down to 6.1e-5 and steps of 6e-8
    /// below;
    /// larger numbers become infinite when they are converted.
    /// </summary>
    Float16 = 1,

    /// <summary>
    /// The upper half of a float32, 2 bytes; <c>Kernels.BFloat16</c> on the host. ±3.4e38, as float32, with 8 bits of precision.
    /// </summary>
    BFloat16 = 2,

    /// <summary>An integer from −127 to 127, 1 byte, times the scale of its row; for caches only.</summary>
    Int8 = 3,

    /// <summary>An integer from −7 to 7, two to a byte, times the scale of its row; for caches only.</summary>
    /// <remarks>The element with the even index lies in the low half of its byte, in two's complement.</remarks>
    Int4 = 4,

    /// <summary>
    /// 8-bit floating point with 4 bits of exponent and 3 of mantissa, times the scale of its KV head; for caches only. What is beyond ±448
    /// × scale becomes that; infinities, which the type has not, become NaN.
    /// </summary>
    /// <remarks>
    /// In a latent cache the scales are those of a token's groups, and elements after the value stay in bfloat16: see
    /// <see cref="LatentFloat8Row"/>.
    /// </remarks>
    Float8E4M3 = 5,
}
