namespace Kernels.Serving;

internal sealed record ApiHealth(string Status, int QueueLength, int Running, int PagesFree, int PagesTotal);
