namespace Kernels.Serving;

internal sealed record ApiPromptDetails(int CachedTokens);
