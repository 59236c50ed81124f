using System.Collections.Immutable;
using System.Globalization;
using Kernels.OpenCL;

namespace Kernels.Benchmarks.Compare;

/// <summary>What limits a piece of work, and so which ceiling it is compared with.</summary>
internal enum Bound
{
    /// <summary>Reading keys and values.</summary>
    Memory,

    /// <summary>The two products.</summary>
    Arithmetic,
}
