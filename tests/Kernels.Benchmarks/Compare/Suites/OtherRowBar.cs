using System.Globalization;

namespace Kernels.Benchmarks.Compare;

/// <summary>What is asked beside our own kernels in another row; both are sampled within each process.</summary>
/// <param name="Other">The other row.</param>
/// <param name="Least">The least.</param>
internal abstract record OtherRowBar(Row Other, double Least) : Bar(Least);
