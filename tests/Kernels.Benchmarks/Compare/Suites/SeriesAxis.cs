using System.Collections.Immutable;
using System.Globalization;
using Kernels.OpenCL;

namespace Kernels.Benchmarks.Compare;

/// <summary>What differs from point to point of a series.</summary>
internal enum SeriesAxis
{
    /// <summary>The length of the sequences.</summary>
    Sequence,

    /// <summary>The number of sequences.</summary>
    Batch,
}
