using System.Runtime.CompilerServices;

namespace Kernels.OpenCL;

/// <summary>Memory of a device. Disposing it frees the memory once the commands that use it have ended.</summary>
public abstract class DeviceBuffer : IDisposable
{
    private readonly DeviceMemory memory;

    private protected DeviceBuffer(ComputeDevice device, DeviceMemory memory, long byteLength)
    {
        Device = device;
        this.memory = memory;
        ByteLength = byteLength;
    }

    /// <summary>Frees the memory of a buffer that nobody disposed.</summary>
    ~DeviceBuffer() => Device.Resources.Release(memory);

    /// <summary>The device whose memory it is.</summary>
    public ComputeDevice Device { get; }

    /// <summary>Its size in bytes.</summary>
    public long ByteLength { get; }

    /// <summary>Whether the buffer, or its device, is disposed.</summary>
    public bool IsDisposed => memory.IsClosed;

    internal DeviceMemory Memory => memory;

    /// <summary>Frees the memory; commands enqueued before still find it.</summary>
    public void Dispose()
    {
        Device.Resources.Release(memory);
        GC.SuppressFinalize(this);
    }

    /// <exception cref="ObjectDisposedException">The buffer is disposed.</exception>
    /// <exception cref="ArgumentException">The buffer is another device's.</exception>
    internal void ThrowIfUnusableOn(ComputeDevice device, string parameter)
    {
        ObjectDisposedException.ThrowIf(IsDisposed, this);
        if (!ReferenceEquals(device, Device))
        {
            throw new ArgumentException(
                $"The buffer belongs to {Device}; a buffer of {device} was expected, made by the same {nameof(ComputeDevice)}.", parameter);
        }
    }
}

/// <summary>Memory of a device that holds elements of one type.</summary>
/// <typeparam name="T">The element's type; its layout is the same on host and device.</typeparam>
public sealed class DeviceBuffer<T> : DeviceBuffer
    where T : unmanaged
{
    internal DeviceBuffer(ComputeDevice device, DeviceMemory memory, long length)
        : base(device, memory, length * Unsafe.SizeOf<T>()) => Length = length;

    /// <summary>Elements.</summary>
    public long Length { get; }

    /// <summary>Such as "DeviceBuffer&lt;Single&gt;[1024]".</summary>
    public override string ToString() => $"DeviceBuffer<{typeof(T).Name}>[{Length}]";

    internal void ThrowIfOutside(long offset, long length, string offsetParameter)
    {
        if (offset < 0 || length < 0 || offset > Length - length)
        {
            throw new ArgumentOutOfRangeException(
                offsetParameter, offset, $"{length} elements from offset {offset} do not lie inside a buffer of {Length} elements.");
        }
    }
}
