namespace Kernels.Serving;

internal sealed record ApiStreamOptions(bool IncludeUsage);
