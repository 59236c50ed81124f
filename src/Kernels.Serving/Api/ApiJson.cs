using System.Text.Json;
using System.Text.Json.Serialization;

namespace Kernels.Serving;

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
