namespace Kernels.Serving;

internal sealed record ApiFunctionCall(string Name, string Arguments);
