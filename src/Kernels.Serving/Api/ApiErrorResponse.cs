namespace Kernels.Serving;

internal sealed record ApiErrorResponse(ApiError Error);
