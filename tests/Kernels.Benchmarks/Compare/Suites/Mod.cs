namespace Kernels.Benchmarks.Compare;

/// <summary>A change to scores or visibility that the participants express as they do.</summary>
internal enum Mod
{
    /// <summary>None.</summary>
    None,

    /// <summary>score − slopes[head]·|query − key|.</summary>
    Slope,

    /// <summary>key ≤ query, and both of one document.</summary>
    Document,
}
