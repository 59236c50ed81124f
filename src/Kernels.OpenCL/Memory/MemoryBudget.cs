namespace Kernels.OpenCL;

/// <summary>Counts the bytes that a device's buffers hold against what the device has. Thread-safe.</summary>
internal sealed class MemoryBudget(DeviceCapabilities capabilities)
{
    private long allocated;

    public long AllocatedBytes => Interlocked.Read(ref allocated);

    /// <summary>Bytes that one more buffer could take.</summary>
    public long AvailableBytes => Math.Min(capabilities.MaxAllocationBytes, Math.Max(0, capabilities.GlobalMemoryBytes - AllocatedBytes));

    /// <summary>Takes bytes, or leaves the count as it was and returns false.</summary>
    public bool TryReserve(long bytes)
    {
        if (bytes > capabilities.MaxAllocationBytes)
        {
            return false;
        }

        if (Interlocked.Add(ref allocated, bytes) > capabilities.GlobalMemoryBytes)
        {
            Release(bytes);
            return false;
        }

        return true;
    }

    public void Release(long bytes) => Interlocked.Add(ref allocated, -bytes);
}
