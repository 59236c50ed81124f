namespace Kernels.Decoding;

/// <summary>What the scales of groups, and their minima, are stored as.</summary>
internal enum WeightScale
{
    /// <summary>There are none.</summary>
    None,

    /// <summary>float32.</summary>
    Float32,

    /// <summary>float16.</summary>
    Float16,

    /// <summary>8 bits of a power of two: its exponent + 127 (E8M0).</summary>
    PowerOfTwo,

    /// <summary>A signed integer of 8 bits times a float16 that <see cref="WeightFormat.SuperGroup"/> columns share.</summary>
    Coded,
}
