using Kernels.OpenCL.Native;

namespace Kernels.OpenCL;

/// <summary>
/// What a <see cref="ComputeEvent"/> points at. Used again after the event is disposed: the version tells an event that is over from the
/// one that has the state now.
/// </summary>
internal sealed class EventState
{
    private static readonly ObjectPool<EventState> Pool = new(capacity: 1024);

    private static int finalizedCount;

    private readonly Lock gate = new();
    private ComputeQueue? queue;
    private nint handle;
    private int version;

    private EventState()
    {
    }

    // An event that nobody disposed. States in the pool hold no handle.
    ~EventState()
    {
        if (handle != 0)
        {
            _ = ClApi.ReleaseEvent(handle);
            Interlocked.Increment(ref finalizedCount);
        }
    }

    /// <summary>Events that nobody disposed and the collector released, so far.</summary>
    public static int FinalizedCount => Volatile.Read(ref finalizedCount);

    /// <summary>Takes over the caller's reference to an OpenCL event.</summary>
    public static ComputeEvent Open(ComputeQueue queue, nint handle)
    {
        if (!Pool.TryRent(out EventState? state))
        {
            state = new();
        }

        lock (state.gate)
        {
            state.queue = queue;
            state.handle = handle;
            return new(state, state.version);
        }
    }

    /// <summary>A reference of the caller's own to the OpenCL event, so that another thread's Dispose cannot take it away.</summary>
    /// <exception cref="ObjectDisposedException">The event is over.</exception>
    public nint Retain(int expectedVersion, out ComputeQueue owner)
    {
        lock (gate)
        {
            if (version != expectedVersion || queue is null)
            {
                throw new ObjectDisposedException(nameof(ComputeEvent));
            }

            owner = queue;
            owner.Device.Check(ClApi.RetainEvent(handle), "retaining an event");
            return handle;
        }
    }

    public void Close(int expectedVersion)
    {
        lock (gate)
        {
            if (version != expectedVersion || queue is null)
            {
                return;
            }

            version++;
            _ = ClApi.ReleaseEvent(handle);
            handle = 0;
            queue = null;
        }

        if (!Pool.Return(this))
        {
            GC.SuppressFinalize(this);
        }
    }
}
