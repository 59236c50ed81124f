using Kernels.OpenCL.Native;

namespace Kernels.OpenCL;

/// <summary>
/// A launch or an argument goes over a limit of the device or of the kernel on it; the message gives both numbers. Nothing was enqueued.
/// </summary>
public sealed class DeviceLimitException : ComputeException
{
    internal DeviceLimitException(string message, int code = ClStatus.OutOfResources)
        : base(message, code)
    {
    }
}
