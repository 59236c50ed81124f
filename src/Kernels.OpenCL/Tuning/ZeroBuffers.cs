namespace Kernels.OpenCL;

/// <summary>Makes buffers of zeros.</summary>
/// <param name="device">The device.</param>
/// <param name="owned">Takes them, to dispose of them.</param>
internal sealed class ZeroBuffers(ComputeDevice device, Stack<IDisposable> owned)
{
    /// <summary>Makes a buffer; what clears it is enqueued.</summary>
    public DeviceBuffer<T> Create<T>(long length) where T : unmanaged
    {
        DeviceBuffer<T> buffer = device.Allocate<T>(length);
        owned.Push(buffer);
        device.Queue.SubmitFill(buffer, default, 0, buffer.Length);
        return buffer;
    }
}
