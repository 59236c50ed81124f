using System.Text.Json.Serialization;

namespace Kernels.Benchmarks.Compare;

/// <summary>What a participant's process is asked, a line of JSON on its standard input.</summary>
/// <param name="Work">What to do.</param>
/// <param name="Seconds">How long to measure.</param>
/// <param name="Series">Whether it is one of many points of a series: a participant that compiles for minutes leaves it out.</param>
internal sealed record Question(Work Work, double Seconds, bool Series);
