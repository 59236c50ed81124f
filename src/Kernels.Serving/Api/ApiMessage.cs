using System.Text.Json;

namespace Kernels.Serving;

/// <summary>A message of a chat request; the content is a text, a list of parts with texts, or null beside calls of tools.</summary>
internal sealed record ApiMessage(string? Role, JsonElement? Content)
{
    public string? Name { get; init; }

    public JsonElement? ToolCalls { get; init; }

    public string? ToolCallId { get; init; }
}
