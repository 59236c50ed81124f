using System.Text.Json;
using System.Text.Json.Serialization;

namespace Kernels.Serving;

/// <summary>The fields of a completion or chat request that are known here; others are passed over.</summary>
internal sealed record ApiRequest
{
    public string? Model { get; init; }

    /// <summary>A text, or a list of one text, or a list of token ids.</summary>
    public JsonElement? Prompt { get; init; }

    /// <summary>The messages of a chat: objects as the model's template reads them.</summary>
    public JsonElement? Messages { get; init; }

    public JsonElement? Tools { get; init; }

    public JsonElement? ToolChoice { get; init; }

    /// <summary>Further variables of the model's template.</summary>
    public JsonElement? ChatTemplateKwargs { get; init; }

    public int? MaxTokens { get; init; }

    public int? MaxCompletionTokens { get; init; }

    public double? Temperature { get; init; }

    public int? TopK { get; init; }

    public double? TopP { get; init; }

    public long? Seed { get; init; }

    /// <summary>A text, or a list of texts.</summary>
    public JsonElement? Stop { get; init; }

    public bool? Stream { get; init; }

    public ApiStreamOptions? StreamOptions { get; init; }

    public int? N { get; init; }

    public int? BestOf { get; init; }

    public bool? Echo { get; init; }

    /// <summary>A number for completions, a boolean for chats.</summary>
    public JsonElement? Logprobs { get; init; }
}

internal sealed record ApiStreamOptions(bool IncludeUsage);

internal sealed record ApiResponse(string Id, string Object, long Created, string Model, ApiChoice[] Choices)
{
    public ApiUsage? Usage { get; init; }
}

/// <summary>What was generated: a text of a completion, a message of a chat, or a piece of one of a streamed chat.</summary>
internal sealed record ApiChoice
{
    public int Index { get; init; }

    public string? Text { get; init; }

    public ApiText? Message { get; init; }

    public ApiText? Delta { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public string? FinishReason { get; init; }
}

internal sealed record ApiText(string? Role, string? Content);

internal sealed record ApiUsage(int PromptTokens, int CompletionTokens, int TotalTokens, ApiPromptDetails PromptTokensDetails);

internal sealed record ApiPromptDetails(int CachedTokens);

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
[JsonSerializable(typeof(ApiErrorResponse))]
[JsonSerializable(typeof(ApiModelList))]
[JsonSerializable(typeof(ApiHealth))]
internal sealed partial class ApiJson : JsonSerializerContext;
