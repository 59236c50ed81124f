using Kernels.OpenCL.Native;

namespace Kernels.OpenCL;

/// <summary>No device answers to what was asked for; the message lists the devices there are and the forms that can be asked in.</summary>
public sealed class DeviceSelectionException : ComputeException
{
    internal DeviceSelectionException(string message)
        : base(message, ClStatus.DeviceNotFound)
    {
    }
}
