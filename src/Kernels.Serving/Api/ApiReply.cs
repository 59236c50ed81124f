using System.Text.Json.Serialization;

namespace Kernels.Serving;

/// <summary>A whole message, whose content is null where it is nothing but calls.</summary>
internal sealed record ApiReply(
    string Role,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] string? Content,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] string? Refusal,
    ApiToolCall[]? ToolCalls);
