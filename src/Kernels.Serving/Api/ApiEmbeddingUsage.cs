namespace Kernels.Serving;

internal sealed record ApiEmbeddingUsage(int PromptTokens, int TotalTokens);
