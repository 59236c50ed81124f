using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Threading.Tasks.Sources;
using Kernels.OpenCL.Native;

namespace Kernels.OpenCL;

/// <summary>
/// One wait for one command, through the driver's callback. It is used again once both the driver has called back and the caller has
/// fetched the result, in either order: a cancelled wait is fetched first. A driver that never calls back about a command that failed, as
/// PoCL 3 does, is found out by <see cref="FailureWatch"/>.
/// </summary>
internal sealed unsafe class EventWaiter : IValueTaskSource, IThreadPoolWorkItem
{
    private const int Pending = 0;
    private const int Ended = 1;
    private const int Cancelled = 2;
    private const int PartiesOfWait = 2;

    private static readonly ObjectPool<EventWaiter> Pool = new(capacity: 256);

    private readonly ManualResetEventSlim signal = new();
    private ManualResetValueTaskSourceCore<bool> source;
    private CancellationTokenRegistration registration;
    private CancellationToken token;
    private ComputeQueue? queue;
    private nint handle;
    private int outcome;
    private int parties;
    private int claimed;
    private bool blocking;
    private bool reusable;

    private EventWaiter()
    {
    }

    /// <summary>The place in the <see cref="FailureWatch"/>'s list, or -1.</summary>
    public int WatchIndex { get; set; } = -1;

    /// <summary>The event; the waiter has a reference to it for as long as it is being watched.</summary>
    public nint Handle => handle;

    /// <summary>A task that ends with the command. Takes over the caller's reference to the event.</summary>
    public static ValueTask Start(ComputeQueue queue, nint handle, CancellationToken cancellationToken)
    {
        EventWaiter? waiter;
        try
        {
            if (ComputeEvent.HasEnded(queue, handle))
            {
                _ = ClApi.ReleaseEvent(handle);
                return ValueTask.CompletedTask;
            }

            waiter = Register(queue, handle, cancellationToken, blocking: false);
        }
        catch (Exception e)
        {
            _ = ClApi.ReleaseEvent(handle);
            return ValueTask.FromException(e);
        }

        short ticket = waiter.source.Version;
        if (cancellationToken.CanBeCanceled)
        {
            waiter.registration = cancellationToken.UnsafeRegister(static state => ((EventWaiter)state!).Cancel(), waiter);
        }

        return new(waiter, ticket);
    }

    /// <summary>Blocks until the command has ended. Takes over the caller's reference to the event.</summary>
    public static void Block(ComputeQueue queue, nint handle, CancellationToken cancellationToken)
    {
        try
        {
            if (ComputeEvent.HasEnded(queue, handle))
            {
                return;
            }

            _ = ClApi.RetainEvent(handle);
            EventWaiter waiter;
            try
            {
                waiter = Register(queue, handle, cancellationToken, blocking: true);
            }
            catch
            {
                _ = ClApi.ReleaseEvent(handle);
                throw;
            }

            try
            {
                waiter.signal.Wait(cancellationToken);
            }
            finally
            {
                waiter.Leave();
            }

            _ = ComputeEvent.HasEnded(queue, handle);
        }
        finally
        {
            _ = ClApi.ReleaseEvent(handle);
        }
    }

    /// <summary>Ends the wait in the driver's place. The driver may yet call back, so this object is not used again.</summary>
    public void EndUncalled()
    {
        if (Interlocked.Exchange(ref claimed, 1) == 0)
        {
            reusable = false;
            Arrive();
        }
    }

    /// <summary>Runs on the thread pool after the driver's callback: user code must not run on a driver's thread.</summary>
    void IThreadPoolWorkItem.Execute() => Complete();

    void IValueTaskSource.GetResult(short ticket)
    {
        // A second await of the same task is a mistake of the caller's, and must not count as leaving.
        if (source.GetStatus(ticket) == ValueTaskSourceStatus.Pending)
        {
            throw new InvalidOperationException("The command has not ended.");
        }

        try
        {
            source.GetResult(ticket);
        }
        finally
        {
            // Waits for a Cancel under way, so that it cannot reach the next user of this object.
            registration.Dispose();
            Leave();
        }
    }

    ValueTaskSourceStatus IValueTaskSource.GetStatus(short ticket) => source.GetStatus(ticket);

    void IValueTaskSource.OnCompleted(Action<object?> continuation, object? state, short ticket, ValueTaskSourceOnCompletedFlags flags) =>
        source.OnCompleted(continuation, state, ticket, flags);

    private static EventWaiter Register(ComputeQueue queue, nint handle, CancellationToken cancellationToken, bool blocking)
    {
        if (!Pool.TryRent(out EventWaiter? waiter))
        {
            waiter = new();
        }

        waiter.queue = queue;
        waiter.handle = handle;
        waiter.token = cancellationToken;
        waiter.blocking = blocking;
        waiter.outcome = Pending;
        waiter.parties = PartiesOfWait;
        waiter.claimed = 0;
        waiter.reusable = true;
        FailureWatch.Add(waiter);

        GCHandle root = GCHandle.Alloc(waiter);
        int code = ClApi.SetCompletionCallback(handle, &OnCompletion, (void*)GCHandle.ToIntPtr(root));
        if (code != ClStatus.Success)
        {
            root.Free();
            FailureWatch.Remove(waiter);
            waiter.Recycle();
            throw queue.Device.Failure(code, "waiting for a command");
        }

        // A callback does not submit anything by itself: without this, a command may stay in the host's part of the queue for ever.
        queue.FlushQuietly();
        return waiter;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void OnCompletion(nint handle, int status, void* state)
    {
        GCHandle root = GCHandle.FromIntPtr((nint)state);
        EventWaiter waiter = (EventWaiter)root.Target!;
        root.Free();
        if (Interlocked.Exchange(ref waiter.claimed, 1) == 0)
        {
            waiter.Arrive();
        }
    }

    private void Arrive()
    {
        if (blocking)
        {
            signal.Set();
        }

        // The event is released on the pool too: drivers may hold locks of their own around a callback.
        ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
    }

    private void Complete()
    {
        FailureWatch.Remove(this);

        // Asked for here, since not every driver gives its callback the error of a command that failed.
        int code = ClApi.GetEventStatus(handle, out int status);
        _ = ClApi.ReleaseEvent(handle);
        handle = 0;
        if (!blocking && Interlocked.CompareExchange(ref outcome, Ended, Pending) == Pending)
        {
            int failure = code != ClStatus.Success ? code : Math.Min(status, ClStatus.Success);
            if (failure != ClStatus.Success)
            {
                source.SetException(queue!.Device.Failure(failure, "running a command"));
            }
            else
            {
                source.SetResult(true);
            }
        }

        Leave();
    }

    private void Cancel()
    {
        if (Interlocked.CompareExchange(ref outcome, Cancelled, Pending) == Pending)
        {
            source.RunContinuationsAsynchronously = true;
            source.SetException(new OperationCanceledException(token));
        }
    }

    private void Leave()
    {
        if (Interlocked.Decrement(ref parties) == 0)
        {
            Recycle();
        }
    }

    private void Recycle()
    {
        queue = null;
        token = default;
        registration = default;
        signal.Reset();
        source.Reset();
        source.RunContinuationsAsynchronously = false;
        if (!reusable || !Pool.Return(this))
        {
            signal.Dispose();
        }
    }
}
