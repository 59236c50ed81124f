using Kernels.OpenCL.Native;

namespace Kernels.OpenCL;

/// <summary>Makes the exception that fits a code.</summary>
internal static class ComputeErrors
{
    public static ComputeException Create(int code, string operation, DeviceInfo device, MemoryBudget? budget = null) => code switch
    {
        // A queue that the runtime holds is never invalid by mistake: drivers answer so once its context is broken.
        ClStatus.DeviceNotAvailable or ClStatus.InvalidCommandQueue or ClStatus.NvidiaIllegalAccess => Lost(code, operation, device),
        ClStatus.MemoryObjectAllocationFailure or ClStatus.OutOfHostMemory =>
            new DeviceOutOfMemoryException(Text(code, operation, device), 0, budget?.AvailableBytes ?? 0, code),
        _ => new(Text(code, operation, device), code),
    };

    public static DeviceLostException Lost(int code, string operation, DeviceInfo device) =>
        new($"{Text(code, operation, device)} The device is lost to this process: dispose it and open it again.", code);

    private static string Text(int code, string operation, DeviceInfo device) =>
        $"OpenCL failed when {operation}: {ClStatus.NameOf(code)} ({code}), on {device}.";
}
