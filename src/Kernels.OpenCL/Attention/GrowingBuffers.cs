using System.Runtime.CompilerServices;

namespace Kernels.OpenCL;

internal static class GrowingBuffers
{
    /// <summary>Replaces a buffer that is too small by one with room to spare; contents are not kept.</summary>
    public static bool Grow<T>(this ComputeDevice device, ref DeviceBuffer<T>? buffer, long length) where T : unmanaged
    {
        if (buffer is null || buffer.Length < length)
        {
            // Kernels in flight keep the old memory alive: OpenCL frees it when they have ended.
            long before = buffer?.Length ?? 0;
            buffer?.Dispose();
            buffer = null;

            // Room to spare only where there is plenty of memory.
            long spare = 2 * before <= device.Budget.AvailableBytes / 2 / Unsafe.SizeOf<T>() ? 2 * before : 0;
            buffer = device.Allocate<T>(Math.Max(Math.Max(length, spare), 64));
            return true;
        }

        return false;
    }
}
