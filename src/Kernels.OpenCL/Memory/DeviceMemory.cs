using Kernels.OpenCL.Native;

namespace Kernels.OpenCL;

/// <summary>A piece of device memory, counted in its device's budget for as long as OpenCL holds it.</summary>
internal sealed class DeviceMemory : MemoryHandle
{
    private readonly MemoryBudget budget;
    private readonly long bytes;

    private DeviceMemory(nint handle, MemoryBudget budget, long bytes)
        : base(handle)
    {
        this.budget = budget;
        this.bytes = bytes;
    }

    /// <exception cref="DeviceOutOfMemoryException">The device has not that much.</exception>
    public static DeviceMemory Allocate(ComputeDevice device, long bytes)
    {
        MemoryBudget budget = device.Budget;
        if (!budget.TryReserve(bytes))
        {
            throw OutOfMemory(device, bytes, "the device cannot hold it", ClStatus.MemoryObjectAllocationFailure);
        }

        try
        {
            using HandleScope context = new(device.Context);
            int code = ClApi.CreateBuffer(context.Value, (nuint)bytes, out nint handle);
            if (code == ClStatus.Success)
            {
                HugePages.Request(device, context.Value, handle, bytes);
                return new(handle, budget, bytes);
            }

            throw code is ClStatus.MemoryObjectAllocationFailure or ClStatus.OutOfResources
                or ClStatus.OutOfHostMemory or ClStatus.InvalidBufferSize
                ? OutOfMemory(device, bytes, $"the driver answered {ClStatus.NameOf(code)} ({code})", code)
                : device.Failure(code, "allocating a buffer");
        }
        catch
        {
            budget.Release(bytes);
            throw;
        }
    }

    protected override bool ReleaseHandle()
    {
        bool released = base.ReleaseHandle();
        budget.Release(bytes);
        return released;
    }

    private static DeviceOutOfMemoryException OutOfMemory(ComputeDevice device, long bytes, string reason, int code)
    {
        DeviceCapabilities capabilities = device.Capabilities;
        long available = device.Budget.AvailableBytes;
        return new(
            $"A buffer of {bytes} bytes was asked for, and {reason}: {device.Info} has {capabilities.GlobalMemoryBytes} bytes, "
            + $"of which {device.AllocatedBytes} are allocated here, "
            + $"and allows {capabilities.MaxAllocationBytes} bytes for one buffer; {available} bytes can be had.",
            bytes,
            available,
            code);
    }
}
