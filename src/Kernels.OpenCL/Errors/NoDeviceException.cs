using Kernels.OpenCL.Native;

namespace Kernels.OpenCL;

/// <summary>The machine has no OpenCL device; the message says how to get one on its operating system.</summary>
public sealed class NoDeviceException : ComputeException
{
    internal NoDeviceException(string message)
        : base(message, ClStatus.DeviceNotFound)
    {
    }
}
