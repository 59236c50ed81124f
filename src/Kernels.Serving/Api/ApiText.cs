namespace Kernels.Serving;

internal sealed record ApiText(string? Role, string? Content)
{
    public ApiToolCall[]? ToolCalls { get; init; }
}
