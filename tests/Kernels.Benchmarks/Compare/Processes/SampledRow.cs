using System.Text.Json.Serialization;

namespace Kernels.Benchmarks.Compare;

/// <summary>How long our kernels took in another row.</summary>
/// <param name="Row">Its name.</param>
/// <param name="Samples">Seconds of one run, sample after sample.</param>
internal sealed record SampledRow(string Row, double[] Samples);
