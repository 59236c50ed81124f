namespace Kernels.Serving;

internal sealed record ApiResponse(string Id, string Object, long Created, string Model, ApiChoice[] Choices)
{
    public ApiUsage? Usage { get; init; }
}
