namespace Kernels.Serving;

internal sealed record ApiUsage(int PromptTokens, int CompletionTokens, int TotalTokens, ApiPromptDetails PromptTokensDetails);
