using System.Collections.Immutable;
using System.Globalization;
using Kernels.OpenCL;

namespace Kernels.Benchmarks.Compare;

/// <summary>A series that is drawn, and the row's place in it.</summary>
/// <param name="Name">What all its points have in common.</param>
/// <param name="Axis">What differs.</param>
/// <param name="Growth">How time grows with it, 1 linear and 2 quadratic, where that is asked for; 0: it is not.</param>
internal sealed record Series(string Name, SeriesAxis Axis, int Growth = 0);
