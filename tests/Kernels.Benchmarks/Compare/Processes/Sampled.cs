using System.Text.Json.Serialization;

namespace Kernels.Benchmarks.Compare;

/// <summary>How long a participant took.</summary>
/// <param name="Participant">Who.</param>
/// <param name="Samples">Seconds of one run, sample after sample; none where it did not run.</param>
/// <param name="Reason">Why it did not run.</param>
internal sealed record Sampled(string Participant, double[] Samples, string? Reason = null);
