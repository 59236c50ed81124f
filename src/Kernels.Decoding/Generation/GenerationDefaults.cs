using System.Text.Json;

namespace Kernels.Decoding;

/// <summary>How a model's makers want its tokens drawn, as its <c>generation_config.json</c> says.</summary>
public sealed record GenerationDefaults
{
    /// <summary>Whether tokens are to be drawn and not the likeliest taken; null where the file does not say.</summary>
    public bool? DoSample { get; init; }

    /// <summary>The temperature; null where the file does not say.</summary>
    public double? Temperature { get; init; }

    /// <summary>Top-k; null for none.</summary>
    public int? TopK { get; init; }

    /// <summary>Top-p; null for none.</summary>
    public double? TopP { get; init; }

    /// <summary>Min-p; null for none.</summary>
    public double? MinP { get; init; }

    /// <summary>The repetition penalty; null for none.</summary>
    public double? RepetitionPenalty { get; init; }

    /// <summary>Reads <c>generation_config.json</c> of a checkpoint folder; without one, nothing is said.</summary>
    /// <exception cref="CheckpointException">The file or a value in it is wrong.</exception>
    public static GenerationDefaults Load(string folder)
    {
        string path = Path.Combine(folder, ModelConfig.GenerationFileName);
        if (!File.Exists(path))
        {
            return new GenerationDefaults();
        }

        using JsonDocument document = JsonFile.Open(path);
        var json = new ConfigReader(path, document.RootElement);
        double? temperature = Number("temperature", n => n >= 0, "a number from 0");
        double? topP = Number("top_p", n => n is > 0 and <= 1, "a probability over 0");
        double? minP = Number("min_p", n => n is >= 0 and <= 1, "a number from 0 to 1");
        double? repetition = Number("repetition_penalty", n => n > 0, "a number over 0");

        // A top-k of 0 is none.
        int? topK = json.OptionalInteger("top_k", 0) is > 0 and { } k ? k : null;
        return new GenerationDefaults
        {
            DoSample = json.Has("do_sample") ? json.Flag("do_sample", false) : null,
            Temperature = temperature,
            TopK = topK,
            TopP = topP,
            MinP = minP,
            RepetitionPenalty = repetition,
        };

        double? Number(string key, Func<double, bool> allowed, string expected) =>
            !json.Has(key) ? null
            : document.RootElement.GetProperty(key) is { ValueKind: JsonValueKind.Number } value && value.TryGetDouble(out double number)
                && double.IsFinite(number) && allowed(number) ? number
            : throw new CheckpointException(path, $"'{key}' is not {expected}");
    }

    /// <summary>The options that a request has which says nothing: those of the file, and a temperature of 1 where it names none.</summary>
    /// <remarks>A file that says not to sample asks for the likeliest tokens.</remarks>
    public SamplingOptions ToOptions() => new()
    {
        Temperature = DoSample is false ? 0 : Temperature ?? 1,
        TopK = TopK,
        TopP = TopP ?? 1,
        MinP = MinP ?? 0,
        RepetitionPenalty = RepetitionPenalty ?? 1,
    };
}
