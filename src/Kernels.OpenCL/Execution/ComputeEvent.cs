using System.Runtime.CompilerServices;
using Kernels.OpenCL.Native;

namespace Kernels.OpenCL;

/// <summary>
/// A command on a queue's timeline: it can be asked, waited for, awaited and timed. Dispose it when done with it; a copy of a disposed
/// event throws <see cref="ObjectDisposedException"/>. <c>default</c> stands for a command that ended long ago. Thread-safe.
/// </summary>
public readonly struct ComputeEvent : IDisposable, IEquatable<ComputeEvent>
{
    private readonly EventState? state;
    private readonly int version;

    internal ComputeEvent(EventState state, int version)
    {
        this.state = state;
        this.version = version;
    }

    /// <summary>Whether the command has ended, well or with an error (which <see cref="Wait()"/> throws).</summary>
    /// <exception cref="ObjectDisposedException">The event is disposed.</exception>
    public bool IsComplete
    {
        get
        {
            if (state is null)
            {
                return true;
            }

            nint handle = state.Retain(version, out ComputeQueue queue);
            try
            {
                queue.Device.Check(ClApi.GetEventStatus(handle, out int status), "asking for a command's state");
                return status <= ClStatus.Success;
            }
            finally
            {
                _ = ClApi.ReleaseEvent(handle);
            }
        }
    }

    /// <summary>Whether two events are the same command.</summary>
    public static bool operator ==(ComputeEvent left, ComputeEvent right) => left.Equals(right);

    /// <summary>Whether two events are different commands.</summary>
    public static bool operator !=(ComputeEvent left, ComputeEvent right) => !left.Equals(right);

    /// <summary>Blocks until the command has ended.</summary>
    /// <exception cref="ObjectDisposedException">The event is disposed.</exception>
    /// <exception cref="ComputeException">The command ended with an error.</exception>
    public void Wait()
    {
        if (state is null)
        {
            return;
        }

        nint handle = state.Retain(version, out ComputeQueue queue);
        try
        {
            AwaitEnd(queue, handle);
        }
        finally
        {
            _ = ClApi.ReleaseEvent(handle);
        }
    }

    /// <summary>Blocks until the command has ended or the wait is cancelled. Cancelling ends the wait only: the command goes on.</summary>
    /// <exception cref="OperationCanceledException">The wait was cancelled.</exception>
    /// <exception cref="ObjectDisposedException">The event is disposed.</exception>
    /// <exception cref="ComputeException">The command ended with an error.</exception>
    public void Wait(CancellationToken cancellationToken)
    {
        if (!cancellationToken.CanBeCanceled)
        {
            Wait();
            return;
        }

        cancellationToken.ThrowIfCancellationRequested();
        if (state is null)
        {
            return;
        }

        nint handle = state.Retain(version, out ComputeQueue queue);
        EventWaiter.Block(queue, handle, cancellationToken);
    }

    /// <summary>Lets the event be awaited.</summary>
    public ValueTaskAwaiter GetAwaiter() => AsValueTask().GetAwaiter();

    /// <summary>
    /// A task that ends with the command. Submits the queue's commands to the device; the event may be disposed before the task ends.
    /// </summary>
    /// <param name="cancellationToken">Ends the wait only: the command goes on.</param>
    /// <returns>
    /// A task to be awaited once; it fails with <see cref="OperationCanceledException"/> or <see cref="ComputeException"/>.
    /// </returns>
    /// <exception cref="ObjectDisposedException">The event is disposed.</exception>
    public ValueTask AsValueTask(CancellationToken cancellationToken = default)
    {
        if (cancellationToken.IsCancellationRequested)
        {
            return ValueTask.FromCanceled(cancellationToken);
        }

        if (state is null)
        {
            return ValueTask.CompletedTask;
        }

        nint handle = state.Retain(version, out ComputeQueue queue);
        return EventWaiter.Start(queue, handle, cancellationToken);
    }

    /// <summary>When the command went through its stages; blocks until it has ended.</summary>
    /// <exception cref="InvalidOperationException">The command's queue does not record times.</exception>
    /// <exception cref="ObjectDisposedException">The event is disposed.</exception>
    /// <exception cref="ComputeException">The command ended with an error.</exception>
    public EventTimes GetTimes()
    {
        if (state is null)
        {
            throw new InvalidOperationException("This event stands for no command, so it has no times.");
        }

        nint handle = state.Retain(version, out ComputeQueue queue);
        try
        {
            if (!queue.Profiling)
            {
                throw new InvalidOperationException("The queue does not record times: make it with profiling.");
            }

            AwaitEnd(queue, handle);
            queue.Device.Check(
                ClApi.GetEventTimes(handle, out ulong queued, out ulong submitted, out ulong started, out ulong ended),
                "reading a command's times");
            return new((long)queued, (long)submitted, (long)started, (long)ended);
        }
        finally
        {
            _ = ClApi.ReleaseEvent(handle);
        }
    }

    /// <summary>Gives the event up; the command goes on. A second call does nothing.</summary>
    public void Dispose() => state?.Close(version);

    /// <inheritdoc/>
    public bool Equals(ComputeEvent other) => ReferenceEquals(state, other.state) && version == other.version;

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is ComputeEvent other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(state is null ? 0 : RuntimeHelpers.GetHashCode(state), version);

    /// <exception cref="ComputeException">The command ended with an error.</exception>
    internal static bool HasEnded(ComputeQueue queue, nint handle)
    {
        queue.Device.Check(ClApi.GetEventStatus(handle, out int status), "asking for a command's state");
        if (status < 0)
        {
            throw queue.Device.Failure(status, "running a command");
        }

        return status == ClStatus.Success;
    }

    // The command's own error is asked for first: that of the wait says only that there was one.
    private static void AwaitEnd(ComputeQueue queue, nint handle)
    {
        int code = ClApi.WaitForEvent(handle);
        _ = HasEnded(queue, handle);
        queue.Device.Check(code, "waiting for a command");
    }
}
