namespace Kernels.Serving;

internal sealed record ApiToolCall(int? Index, string Id, string Type, ApiFunctionCall Function);
