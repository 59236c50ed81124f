using Kernels.OpenCL;

namespace Kernels.Decoding;

/// <summary>How <see cref="LanguageModel.Load"/> opens a model.</summary>
public sealed record LanguageModelOptions
{
    /// <summary>
    /// The device, which stays the caller's and must outlive the model; null to open the one that the machine offers first.
    /// </summary>
    public ComputeDevice? Device { get; init; }

    /// <summary>Requests that run side by side.</summary>
    public int Sequences { get; init; } = 8;

    /// <summary>The most tokens of a prompt and its continuation; models that know fewer have theirs.</summary>
    public int Context { get; init; } = 4096;

    /// <summary>How requests are run.</summary>
    public EngineOptions Engine { get; init; } = new();

    /// <summary>Makes the attention, with a paged cache; null for the one that fits the model.</summary>
    internal AttentionFactory? Attention { get; init; }

    /// <summary>The model's name; null for that of <see cref="ModelNames.Of"/>.</summary>
    public string? Name { get; init; }
}
