using Kernels.OpenCL.Native;

namespace Kernels.OpenCL;

/// <summary>
/// Looks after the waits under way: a command that failed and that its driver does not call back about would be waited for without end.
/// Costs nothing while nothing is waited for. Thread-safe.
/// </summary>
internal static class FailureWatch
{
    private const int IntervalMilliseconds = 100;

    private static readonly Lock Gate = new();
    private static readonly List<EventWaiter> Waiters = [];
    private static readonly Timer Timer = MakeTimer();
    private static bool running;

    public static void Add(EventWaiter waiter)
    {
        lock (Gate)
        {
            waiter.WatchIndex = Waiters.Count;
            Waiters.Add(waiter);
            if (!running)
            {
                running = Timer.Change(IntervalMilliseconds, IntervalMilliseconds);
            }
        }
    }

    /// <summary>To be called before the waiter gives up its event; a second call does nothing.</summary>
    public static void Remove(EventWaiter waiter)
    {
        lock (Gate)
        {
            if (waiter.WatchIndex < 0)
            {
                return;
            }

            EventWaiter last = Waiters[^1];
            Waiters[waiter.WatchIndex] = last;
            last.WatchIndex = waiter.WatchIndex;
            Waiters.RemoveAt(Waiters.Count - 1);
            waiter.WatchIndex = -1;
        }
    }

    private static Timer MakeTimer()
    {
        // The timer lives as long as the process: it must not hold on to the first caller's context.
        using AsyncFlowControl flow = ExecutionContext.SuppressFlow();
        return new(static _ => Look(), null, Timeout.Infinite, Timeout.Infinite);
    }

    private static void Look()
    {
        lock (Gate)
        {
            foreach (EventWaiter waiter in Waiters)
            {
                if (ClApi.GetEventStatus(waiter.Handle, out int status) == ClStatus.Success && status < ClStatus.Success)
                {
                    // Where the driver's own call is under way at this moment, it does not matter which of the two comes first.
                    waiter.EndUncalled();
                }
            }

            if (Waiters.Count == 0)
            {
                Timer.Change(Timeout.Infinite, Timeout.Infinite);
                running = false;
            }
        }
    }
}
