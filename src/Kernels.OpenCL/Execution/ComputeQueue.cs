using Kernels.OpenCL.Native;

namespace Kernels.OpenCL;

/// <summary>
/// A device's queue: commands run one after the other in the order of the calls. Methods named Enqueue and Submit never wait for the
/// device;
/// <see cref="Write"/>, <see cref="Read"/> and <see cref="Finish"/> do. Thread-safe, but for the kernels (see <see cref="ComputeKernel"/>).
/// </summary>
public sealed unsafe class ComputeQueue : IDisposable
{
    private readonly QueueHandle queue;
    private readonly StagingTracker staging = new();
    private int closed;

    internal ComputeQueue(ComputeDevice device, QueueHandle queue, bool profiling)
    {
        Device = device;
        this.queue = queue;
        Profiling = profiling;
    }

    /// <summary>
    /// Waits for the commands and releases a queue whose device nobody disposed: transfers may still be writing to the host's memory.
    /// </summary>
    ~ComputeQueue() => Close();

    /// <summary>The device that runs the commands.</summary>
    public ComputeDevice Device { get; }

    /// <summary>Whether events of this queue have times.</summary>
    public bool Profiling { get; }

    /// <summary>Whether the queue, or its device, is disposed.</summary>
    public bool IsDisposed => Volatile.Read(ref closed) != 0;

    internal QueueHandle Handle => queue;

    /// <summary>Copies from the host to the device; blocks until the data is taken over and all earlier commands have ended.</summary>
    /// <param name="target">Where to.</param>
    /// <param name="data">What.</param>
    /// <param name="offset">The first element of the target.</param>
    /// <exception cref="ArgumentOutOfRangeException">The range lies outside the buffer.</exception>
    public void Write<T>(DeviceBuffer<T> target, ReadOnlySpan<T> data, long offset = 0)
        where T : unmanaged
    {
        CheckRange(target, offset, data.Length, nameof(target), nameof(offset));
        if (data.IsEmpty)
        {
            return;
        }

        using HandleScope commands = new(queue);
        using HandleScope memory = new(target.Memory);
        fixed (T* source = data)
        {
            Device.Check(
                ClApi.Write(commands.Value, memory.Value, blocking: true, Bytes<T>(offset), Bytes<T>(data.Length), source, null),
                "writing a buffer");
        }
    }

    /// <summary>
    /// Has the host write a whole buffer where it lies; blocks until all earlier commands have ended and the data is taken over. For
    /// devices that share memory with the host: others copy all of it behind that.
    /// </summary>
    /// <param name="target">The buffer; what it held is lost.</param>
    /// <param name="fill">Is given the address of the first byte, and must write all of them.</param>
    internal void Overwrite(DeviceBuffer target, Action<nint> fill)
    {
        ArgumentNullException.ThrowIfNull(target);
        ArgumentNullException.ThrowIfNull(fill);
        ThrowIfUnusable();
        target.ThrowIfUnusableOn(Device, nameof(target));
        if (target.ByteLength == 0)
        {
            return;
        }

        using HandleScope commands = new(queue);
        using HandleScope memory = new(target.Memory);
        Device.Check(
            ClApi.MapForOverwriting(commands.Value, memory.Value, (nuint)target.ByteLength, out void* address), "mapping a buffer");
        try
        {
            fill((nint)address);
        }
        finally
        {
            int code = ClApi.Unmap(commands.Value, memory.Value, address);
            Device.Check(code == ClStatus.Success ? ClApi.Finish(commands.Value) : code, "unmapping a buffer");
        }
    }

    /// <summary>Copies from the device to the host; blocks until the data is there.</summary>
    /// <param name="source">Where from.</param>
    /// <param name="data">Where to; its length is what is read.</param>
    /// <param name="offset">The first element of the source.</param>
    /// <exception cref="ArgumentOutOfRangeException">The range lies outside the buffer.</exception>
    public void Read<T>(DeviceBuffer<T> source, Span<T> data, long offset = 0)
        where T : unmanaged
    {
        CheckRange(source, offset, data.Length, nameof(source), nameof(offset));
        if (data.IsEmpty)
        {
            return;
        }

        using HandleScope commands = new(queue);
        using HandleScope memory = new(source.Memory);
        fixed (T* target = data)
        {
            Device.Check(
                ClApi.Read(commands.Value, memory.Value, blocking: true, Bytes<T>(offset), Bytes<T>(data.Length), target, null),
                "reading a buffer");
        }
    }

    /// <summary>Copies from pinned host memory to the device.</summary>
    /// <param name="target">Where to.</param>
    /// <param name="data">
    /// What: its first elements. Not to be changed until the event is complete; the queue keeps it alive till then.
    /// </param>
    /// <param name="length">Elements.</param>
    /// <param name="offset">The first element of the target.</param>
    /// <exception cref="ArgumentOutOfRangeException">The range lies outside the buffer or the array.</exception>
    public ComputeEvent EnqueueWrite<T>(DeviceBuffer<T> target, PinnedArray<T> data, int length, long offset = 0)
        where T : unmanaged
    {
        nint completion;
        Transfer(target, data, length, offset, write: true, &completion);
        return EventState.Open(this, completion);
    }

    /// <summary>As <see cref="EnqueueWrite"/>, without an event.</summary>
    /// <param name="target">Where to.</param>
    /// <param name="data">What: its first elements. Not to be changed until a later command of the queue is known to have ended.</param>
    /// <param name="length">Elements.</param>
    /// <param name="offset">The first element of the target.</param>
    /// <exception cref="ArgumentOutOfRangeException">The range lies outside the buffer or the array.</exception>
    public void SubmitWrite<T>(DeviceBuffer<T> target, PinnedArray<T> data, int length, long offset = 0)
        where T : unmanaged => Transfer(target, data, length, offset, write: true, null);

    /// <summary>Copies from the device to pinned host memory.</summary>
    /// <param name="source">Where from.</param>
    /// <param name="data">
    /// Where to: its first elements. Not to be read until the event is complete; the queue keeps it alive till then.
    /// </param>
    /// <param name="length">Elements.</param>
    /// <param name="offset">The first element of the source.</param>
    /// <exception cref="ArgumentOutOfRangeException">The range lies outside the buffer or the array.</exception>
    public ComputeEvent EnqueueRead<T>(DeviceBuffer<T> source, PinnedArray<T> data, int length, long offset = 0)
        where T : unmanaged
    {
        nint completion;
        Transfer(source, data, length, offset, write: false, &completion);
        return EventState.Open(this, completion);
    }

    /// <summary>Copies within the device. The ranges must not overlap where both are of one buffer.</summary>
    /// <param name="source">Where from.</param>
    /// <param name="sourceOffset">The first element of the source.</param>
    /// <param name="target">Where to.</param>
    /// <param name="targetOffset">The first element of the target.</param>
    /// <param name="length">Elements.</param>
    /// <exception cref="ArgumentOutOfRangeException">A range lies outside its buffer.</exception>
    /// <exception cref="ArgumentException">The ranges overlap.</exception>
    public ComputeEvent EnqueueCopy<T>(DeviceBuffer<T> source, long sourceOffset, DeviceBuffer<T> target, long targetOffset, long length)
        where T : unmanaged
    {
        nint completion;
        Copy(source, sourceOffset, target, targetOffset, length, &completion);
        return EventState.Open(this, completion);
    }

    /// <summary>As <see cref="EnqueueCopy"/>, without an event.</summary>
    /// <param name="source">Where from.</param>
    /// <param name="sourceOffset">The first element of the source.</param>
    /// <param name="target">Where to.</param>
    /// <param name="targetOffset">The first element of the target.</param>
    /// <param name="length">Elements.</param>
    /// <exception cref="ArgumentOutOfRangeException">A range lies outside its buffer.</exception>
    /// <exception cref="ArgumentException">The ranges overlap.</exception>
    public void SubmitCopy<T>(DeviceBuffer<T> source, long sourceOffset, DeviceBuffer<T> target, long targetOffset, long length)
        where T : unmanaged => Copy(source, sourceOffset, target, targetOffset, length, null);

    /// <summary>Sets elements to one value.</summary>
    /// <param name="target">Where.</param>
    /// <param name="value">The value; its type's size must be a power of two up to 128 bytes.</param>
    /// <param name="offset">The first element.</param>
    /// <param name="length">Elements.</param>
    /// <exception cref="ArgumentOutOfRangeException">The range lies outside the buffer.</exception>
    /// <exception cref="ArgumentException">The type's size is not a power of two up to 128 bytes.</exception>
    public ComputeEvent EnqueueFill<T>(DeviceBuffer<T> target, T value, long offset, long length)
        where T : unmanaged
    {
        nint completion;
        Fill(target, value, offset, length, &completion);
        return EventState.Open(this, completion);
    }

    /// <summary>As <see cref="EnqueueFill"/>, without an event.</summary>
    /// <param name="target">Where.</param>
    /// <param name="value">The value; its type's size must be a power of two up to 128 bytes.</param>
    /// <param name="offset">The first element.</param>
    /// <param name="length">Elements.</param>
    /// <exception cref="ArgumentOutOfRangeException">The range lies outside the buffer.</exception>
    /// <exception cref="ArgumentException">The type's size is not a power of two up to 128 bytes.</exception>
    public void SubmitFill<T>(DeviceBuffer<T> target, T value, long offset, long length)
        where T : unmanaged => Fill(target, value, offset, length, null);

    /// <summary>Runs a kernel.</summary>
    /// <param name="kernel">With all its arguments set.</param>
    /// <param name="global">All work-items; a multiple of <paramref name="local"/> along each dimension.</param>
    /// <param name="local">The work-items of a work-group.</param>
    /// <exception cref="DeviceLimitException">
    /// The work-group is larger than the device or the kernel allows, or there are more of them than it can count.
    /// </exception>
    /// <exception cref="ArgumentException">The ranges do not fit each other or the kernel.</exception>
    /// <exception cref="InvalidOperationException">An argument of the kernel was never set.</exception>
    /// <exception cref="ObjectDisposedException">The queue, the kernel or one of its buffers is disposed.</exception>
    public ComputeEvent Enqueue(ComputeKernel kernel, NDRange global, NDRange local)
    {
        nint completion;
        Launch(kernel, global, local, &completion);
        return EventState.Open(this, completion);
    }

    /// <summary>As <see cref="Enqueue"/>, without an event: the cheapest way to run a kernel.</summary>
    /// <param name="kernel">With all its arguments set.</param>
    /// <param name="global">All work-items; a multiple of <paramref name="local"/> along each dimension.</param>
    /// <param name="local">The work-items of a work-group.</param>
    /// <exception cref="DeviceLimitException">
    /// The work-group is larger than the device or the kernel allows, or there are more of them than it can count.
    /// </exception>
    /// <exception cref="ArgumentException">The ranges do not fit each other or the kernel.</exception>
    /// <exception cref="InvalidOperationException">An argument of the kernel was never set.</exception>
    /// <exception cref="ObjectDisposedException">The queue, the kernel or one of its buffers is disposed.</exception>
    public void Submit(ComputeKernel kernel, NDRange global, NDRange local) => Launch(kernel, global, local, null);

    /// <summary>An event that is complete when every command enqueued so far has ended.</summary>
    public ComputeEvent EnqueueMarker()
    {
        ThrowIfUnusable();
        using HandleScope commands = new(queue);
        nint completion;
        Device.Check(ClApi.Marker(commands.Value, &completion), "enqueuing a marker");
        return EventState.Open(this, completion);
    }

    /// <summary>Gives the commands enqueued so far to the device, without waiting.</summary>
    public void Flush()
    {
        ThrowIfUnusable();
        using HandleScope commands = new(queue);
        Device.Check(ClApi.Flush(commands.Value), "flushing a queue");
    }

    /// <summary>Blocks until every command enqueued so far has ended.</summary>
    public void Finish()
    {
        ThrowIfUnusable();
        using HandleScope commands = new(queue);
        Device.Check(ClApi.Finish(commands.Value), "finishing a queue");
    }

    /// <summary>Waits for the commands and releases the queue.</summary>
    public void Dispose()
    {
        Device.Forget(this);
        Close();
        GC.SuppressFinalize(this);
    }

    internal void FlushQuietly()
    {
        try
        {
            using HandleScope commands = new(queue);
            _ = ClApi.Flush(commands.Value);
        }
        catch (ObjectDisposedException)
        {
            // A disposed queue was finished: there is nothing left to flush.
        }
    }

    private static nuint Bytes<T>(long elements)
        where T : unmanaged => (nuint)elements * (nuint)sizeof(T);

    private void Close()
    {
        if (Interlocked.Exchange(ref closed, 1) != 0)
        {
            return;
        }

        using (HandleScope commands = new(queue))
        {
            _ = ClApi.Finish(commands.Value);
        }

        lock (staging)
        {
            staging.Clear();
        }

        queue.Dispose();
    }

    private void ThrowIfUnusable()
    {
        ObjectDisposedException.ThrowIf(IsDisposed, this);
        Device.ThrowIfUnusable();
    }

    private void CheckRange<T>(DeviceBuffer<T> buffer, long offset, long length, string bufferParameter, string offsetParameter)
        where T : unmanaged
    {
        ArgumentNullException.ThrowIfNull(buffer, bufferParameter);
        ThrowIfUnusable();
        buffer.ThrowIfUnusableOn(Device, bufferParameter);
        buffer.ThrowIfOutside(offset, length, offsetParameter);
    }

    private void Launch(ComputeKernel kernel, NDRange global, NDRange local, nint* completion)
    {
        ArgumentNullException.ThrowIfNull(kernel);
        ThrowIfUnusable();
        kernel.CheckLaunch(Device, global, local);

        nuint* globalSizes = stackalloc nuint[] { global.X, global.Y, global.Z };
        nuint* localSizes = stackalloc nuint[] { local.X, local.Y, local.Z };
        using HandleScope commands = new(queue);
        kernel.Acquire();
        try
        {
            if (!kernel.HasRun)
            {
                // A driver may compile what it built once more, now that it knows the work-group's size.
                SignalHandlers.Watch();
            }

            int code = ClApi.Launch(commands.Value, kernel.Handle, global.Dimensions, globalSizes, localSizes, completion);
            if (code != ClStatus.Success)
            {
                throw kernel.LaunchFailure(code, global, local);
            }

            if (!kernel.HasRun)
            {
                kernel.HasRun = true;
                SignalHandlers.PutBack();
            }
        }
        finally
        {
            kernel.Release();
        }
    }

    private void Transfer<T>(DeviceBuffer<T> buffer, PinnedArray<T> data, int length, long offset, bool write, nint* completion)
        where T : unmanaged
    {
        CheckRange(buffer, offset, length, nameof(buffer), nameof(offset));
        ArgumentNullException.ThrowIfNull(data);
        if (length > data.Length)
        {
            throw new ArgumentOutOfRangeException(nameof(length), length, $"The array has {data.Length} elements.");
        }

        using HandleScope commands = new(queue);
        if (length == 0)
        {
            MarkEmpty(commands.Value, completion);
            return;
        }

        using HandleScope memory = new(buffer.Memory);
        nint ended;
        int code = write
            ? ClApi.Write(commands.Value, memory.Value, blocking: false, Bytes<T>(offset), Bytes<T>(length), data.Address, &ended)
            : ClApi.Read(commands.Value, memory.Value, blocking: false, Bytes<T>(offset), Bytes<T>(length), data.Address, &ended);
        Device.Check(code, write ? "writing a buffer" : "reading a buffer");
        if (completion is not null)
        {
            _ = ClApi.RetainEvent(ended);
            *completion = ended;
        }

        lock (staging)
        {
            staging.Add(ended, data.Storage);
        }
    }

    private void Copy<T>(
        DeviceBuffer<T> source, long sourceOffset, DeviceBuffer<T> target, long targetOffset, long length, nint* completion)
        where T : unmanaged
    {
        CheckRange(source, sourceOffset, length, nameof(source), nameof(sourceOffset));
        CheckRange(target, targetOffset, length, nameof(target), nameof(targetOffset));
        if (ReferenceEquals(source, target) && sourceOffset < targetOffset + length && targetOffset < sourceOffset + length)
        {
            throw new ArgumentException(
                $"{length} elements from offset {sourceOffset} and from offset {targetOffset} of one buffer overlap.",
                nameof(targetOffset));
        }

        using HandleScope commands = new(queue);
        if (length == 0)
        {
            MarkEmpty(commands.Value, completion);
            return;
        }

        using HandleScope from = new(source.Memory);
        using HandleScope to = new(target.Memory);
        Device.Check(
            ClApi.Copy(commands.Value, from.Value, to.Value, Bytes<T>(sourceOffset), Bytes<T>(targetOffset), Bytes<T>(length), completion),
            "copying a buffer");
    }

    private void Fill<T>(DeviceBuffer<T> target, T value, long offset, long length, nint* completion)
        where T : unmanaged
    {
        CheckRange(target, offset, length, nameof(target), nameof(offset));
        if (sizeof(T) > 128 || !System.Numerics.BitOperations.IsPow2(sizeof(T)))
        {
            throw new ArgumentException(
                $"OpenCL fills with patterns of 1, 2, 4, … 128 bytes; {typeof(T).Name} has {sizeof(T)}.", nameof(value));
        }

        using HandleScope commands = new(queue);
        if (length == 0)
        {
            MarkEmpty(commands.Value, completion);
            return;
        }

        using HandleScope memory = new(target.Memory);
        Device.Check(
            ClApi.Fill(commands.Value, memory.Value, &value, (nuint)sizeof(T), Bytes<T>(offset), Bytes<T>(length), completion),
            "filling a buffer");
    }

    // OpenCL refuses a transfer of nothing; a marker keeps the event's place in the order.
    private void MarkEmpty(nint commands, nint* completion)
    {
        if (completion is not null)
        {
            Device.Check(ClApi.Marker(commands, completion), "enqueuing a marker");
        }
    }
}
