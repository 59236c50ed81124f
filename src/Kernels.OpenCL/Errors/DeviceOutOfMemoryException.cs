namespace Kernels.OpenCL;

/// <summary>The device has not the memory that was asked for. Nothing was allocated; what was allocated before stays usable.</summary>
public sealed class DeviceOutOfMemoryException : ComputeException
{
    internal DeviceOutOfMemoryException(string message, long requestedBytes, long availableBytes, int code)
        : base(message, code)
    {
        RequestedBytes = requestedBytes;
        AvailableBytes = availableBytes;
    }

    /// <summary>Bytes asked for; 0 where the driver ran out in a call that asked for no number, such as a launch.</summary>
    public long RequestedBytes { get; }

    /// <summary>
    /// Bytes that one buffer could still take as far as the runtime knows: the device's memory less what this
    /// <see cref="ComputeDevice"/> holds, and no more than the device's limit for one buffer. Other users of the device are not seen.
    /// </summary>
    public long AvailableBytes { get; }
}
