using System.Text.Json;
using System.Text.Json.Serialization;

namespace Kernels.Serving;

/// <summary>The fields of a completion or chat request that are known here; others are passed over.</summary>
internal sealed record ApiRequest
{
    public string? Model { get; init; }

    /// <summary>A text, a list of token ids, or a list of texts or of such lists.</summary>
    public JsonElement? Prompt { get; init; }

    public List<ApiMessage?>? Messages { get; init; }

    public int? MaxTokens { get; init; }

    public int? MaxCompletionTokens { get; init; }

    public double? Temperature { get; init; }

    public int? TopK { get; init; }

    public double? TopP { get; init; }

    public double? MinP { get; init; }

    public double? FrequencyPenalty { get; init; }

    public double? PresencePenalty { get; init; }

    public double? RepetitionPenalty { get; init; }

    /// <summary>Biases by token id.</summary>
    public JsonElement? LogitBias { get; init; }

    public long? Seed { get; init; }

    /// <summary>A text, or a list of texts.</summary>
    public JsonElement? Stop { get; init; }

    public JsonElement? StopTokenIds { get; init; }

    public bool? IgnoreEos { get; init; }

    public bool? Stream { get; init; }

    public ApiStreamOptions? StreamOptions { get; init; }

    public int? N { get; init; }

    public int? BestOf { get; init; }

    public bool? Echo { get; init; }

    public string? Suffix { get; init; }

    /// <summary>A number for completions, a boolean for chats.</summary>
    public JsonElement? Logprobs { get; init; }

    public int? TopLogprobs { get; init; }

    public JsonElement? ResponseFormat { get; init; }

    public JsonElement? Tools { get; init; }

    public JsonElement? ToolChoice { get; init; }

    /// <summary>Further variables of the model's template.</summary>
    public JsonElement? ChatTemplateKwargs { get; init; }

    public bool? ParallelToolCalls { get; init; }

    /// <summary>Fields that are not known above.</summary>
    [JsonExtensionData]
    public Dictionary<string, JsonElement>? Others { get; set; }
}
