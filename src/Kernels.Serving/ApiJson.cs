using System.Text.Json;
using System.Text.Json.Nodes;
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

internal sealed record ApiStreamOptions(bool IncludeUsage);

/// <summary>A message of a chat request; the content is a text, a list of parts with texts, or null beside calls of tools.</summary>
internal sealed record ApiMessage(string? Role, JsonElement? Content)
{
    public string? Name { get; init; }

    public JsonElement? ToolCalls { get; init; }

    public string? ToolCallId { get; init; }
}

internal sealed record ApiResponse(string Id, string Object, long Created, string Model, ApiChoice[] Choices)
{
    public ApiUsage? Usage { get; init; }
}

/// <summary>What was generated: a text of a completion, a message of a chat, or a piece of one of a streamed chat.</summary>
internal sealed record ApiChoice
{
    public int Index { get; init; }

    public string? Text { get; init; }

    public ApiReply? Message { get; init; }

    public ApiText? Delta { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public JsonObject? Logprobs { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public string? FinishReason { get; init; }
}

/// <summary>A whole message, whose content is null where it is nothing but calls.</summary>
internal sealed record ApiReply(
    string Role,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] string? Content,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] string? Refusal,
    ApiToolCall[]? ToolCalls);

internal sealed record ApiText(string? Role, string? Content)
{
    public ApiToolCall[]? ToolCalls { get; init; }
}

internal sealed record ApiToolCall(int? Index, string Id, string Type, ApiFunctionCall Function);

internal sealed record ApiFunctionCall(string Name, string Arguments);

internal sealed record ApiUsage(int PromptTokens, int CompletionTokens, int TotalTokens, ApiPromptDetails PromptTokensDetails);

internal sealed record ApiPromptDetails(int CachedTokens);

internal sealed record ApiEmbeddingRequest
{
    public string? Model { get; init; }

    /// <summary>A text, a list of token ids, or a list of texts or of such lists.</summary>
    public JsonElement? Input { get; init; }

    public string? EncodingFormat { get; init; }

    public int? Dimensions { get; init; }
}

internal sealed record ApiEmbeddingResponse(string Object, ApiEmbedding[] Data, string Model, ApiEmbeddingUsage Usage);

/// <summary>A vector: a list of numbers, or their bytes as base64.</summary>
internal sealed record ApiEmbedding(string Object, int Index, JsonNode Embedding);

internal sealed record ApiEmbeddingUsage(int PromptTokens, int TotalTokens);

internal sealed record ApiErrorResponse(ApiError Error);

internal sealed record ApiError(
    string Message,
    string Type,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] string? Param,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] string? Code);

internal sealed record ApiModelList(string Object, ApiModel[] Data);

internal sealed record ApiModel(string Id, string Object, long Created, string OwnedBy);

internal sealed record ApiHealth(string Status, int QueueLength, int Running, int PagesFree, int PagesTotal);

/// <summary>Readers and writers of the server's JSON, made at compile time.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    MaxDepth = 64)]
[JsonSerializable(typeof(ApiRequest))]
[JsonSerializable(typeof(ApiResponse))]
[JsonSerializable(typeof(ApiEmbeddingRequest))]
[JsonSerializable(typeof(ApiEmbeddingResponse))]
[JsonSerializable(typeof(ApiErrorResponse))]
[JsonSerializable(typeof(ApiModelList))]
[JsonSerializable(typeof(ApiModel))]
[JsonSerializable(typeof(ApiHealth))]
internal sealed partial class ApiJson : JsonSerializerContext;
