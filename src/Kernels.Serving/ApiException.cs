using Microsoft.AspNetCore.Http;

namespace Kernels.Serving;

/// <summary>A request that cannot be answered, as the client is told.</summary>
/// <param name="status">The HTTP status.</param>
/// <param name="message">What was expected.</param>
/// <param name="parameter">The field that is wrong, if it is one.</param>
/// <param name="code">A name for programs, if there is one.</param>
internal sealed class ApiException(int status, string message, string? parameter = null, string? code = null) : Exception(message)
{
    public int Status { get; } = status;

    public ApiError Error { get; } = new(message, TypeOf(status), parameter, code);

    public static ApiException BadRequest(string message, string? parameter = null, string? code = null) =>
        new(StatusCodes.Status400BadRequest, message, parameter, code);

    private static string TypeOf(int status) => status switch
    {
        StatusCodes.Status429TooManyRequests => "rate_limit_error",
        >= 500 => "server_error",
        _ => "invalid_request_error",
    };
}
