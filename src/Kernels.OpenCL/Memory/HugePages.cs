using System.Runtime.InteropServices;
using Kernels.OpenCL.Native;

namespace Kernels.OpenCL;

/// <summary>
/// Pages of 2 MiB instead of 4 KiB for large buffers of CPUs: reading a cache of keys and values needs a translation of an address for
/// every page, and small pages come from scattered memory, more so the longer a machine runs.
/// </summary>
internal static unsafe partial class HugePages
{
    // Several pages, so that what lies outside whole ones hardly counts.
    private const long SmallestBytes = 16L << 20;

    private const int Advice = 14; // MADV_HUGEPAGE

    /// <summary>
    /// Asks the operating system for huge pages under a buffer that nothing was written to. No more than a hint: what refuses it is passed
    /// over.
    /// </summary>
    public static void Request(ComputeDevice device, nint context, nint memory, long bytes)
    {
        if (bytes < SmallestBytes || device.Capabilities.Kind != DeviceKind.Cpu
            || !device.Capabilities.HasUnifiedMemory || !OperatingSystem.IsLinux())
        {
            return;
        }

        // A queue of its own: mapping must not wait for the work in another.
        if (ClApi.CreateQueue(context, device.Info.DeviceId, profiling: false, out nint queue) != ClStatus.Success)
        {
            return;
        }

        if (ClApi.MapForOverwriting(queue, memory, (nuint)bytes, out void* address) == ClStatus.Success)
        {
            nint page = Environment.SystemPageSize, first = ((nint)address + page - 1) & -page;
            _ = Advise(first, (nuint)(bytes - (first - (nint)address)), Advice);
            _ = ClApi.Unmap(queue, memory, address);
            _ = ClApi.Finish(queue);
        }

        _ = ClApi.ReleaseQueue(queue);
    }

    [LibraryImport("libc", EntryPoint = "madvise")]
    private static partial int Advise(nint address, nuint bytes, int advice);
}
