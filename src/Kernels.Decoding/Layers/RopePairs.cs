namespace Kernels.Decoding;

/// <summary>Which elements of a head rotate together.</summary>
internal enum RopePairs
{
    /// <summary>Element i with element i + half of the rotated ones.</summary>
    HalfSplit,

    /// <summary>Element 2i with element 2i + 1.</summary>
    Interleaved,
}
