using System.Text.Json.Serialization;

namespace Kernels.Benchmarks.Compare;

/// <summary>What a participant's process is asked, a line of JSON on its standard input.</summary>
/// <param name="Work">What to do.</param>
/// <param name="Seconds">How long to measure.</param>
/// <param name="Series">Whether it is one of many points of a series: a participant that compiles for minutes leaves it out.</param>
internal sealed record Question(Work Work, double Seconds, bool Series);

/// <summary>What it answers, a line of JSON on its standard output.</summary>
/// <param name="Results">One for each way that it has of doing the work.</param>
internal sealed record Answer(IReadOnlyList<Sampled> Results)
{
    /// <summary>Bytes a second that the device reads at most, measured before and after the work; null where the process does not measure it.</summary>
    public double? ReadBytesPerSecond { get; init; }

    /// <summary>Operations a second that the device can do at most on the work's types, measured before and after the work.</summary>
    public double? FlopsPerSecond { get; init; }

    /// <summary>Operations a second of PyTorch's product of two matrices of 8192 × 8192 in the work's type; null where the process does not measure it.</summary>
    public double? MatmulFlopsPerSecond { get; init; }

    /// <summary>What our kernels took beside the rows that this one is compared with.</summary>
    public IReadOnlyList<SampledRow>? Others { get; init; }

    /// <summary>Bytes of device memory that the work held at most.</summary>
    public long? MemoryBytes { get; init; }

    /// <summary>The device, its driver, and the kernels or libraries that ran.</summary>
    public string? Environment { get; init; }
}

/// <summary>How long a participant took.</summary>
/// <param name="Participant">Who.</param>
/// <param name="Samples">Seconds of one run, sample after sample; none where it did not run.</param>
/// <param name="Reason">Why it did not run.</param>
internal sealed record Sampled(string Participant, double[] Samples, string? Reason = null);

/// <summary>How long our kernels took in another row.</summary>
/// <param name="Row">Its name.</param>
/// <param name="Samples">Seconds of one run, sample after sample.</param>
internal sealed record SampledRow(string Row, double[] Samples);

/// <summary>How what is said and written becomes JSON.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, UseStringEnumConverter = true, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(Question))]
[JsonSerializable(typeof(Answer))]
internal sealed partial class MessageJson : JsonSerializerContext;
