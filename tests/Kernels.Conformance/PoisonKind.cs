namespace Kernels.Conformance;

/// <summary>What they are; the largest are those of the storage's type.</summary>
internal enum PoisonKind
{
    NaN,
    Infinity,
    NegativeInfinity,
    Largest,
    Lowest,
    Subnormal,
    NegativeZero,
}
