using Kernels.OpenCL.Native;

namespace Kernels.OpenCL;

/// <summary>Keeps host arrays alive while a queue's transfers use them. Not thread-safe: the queue locks it.</summary>
internal sealed class StagingTracker
{
    private readonly Queue<(nint Event, object Storage)> underWay = new();

    /// <summary>Takes over the caller's reference to the event, and lets go of arrays whose transfers have ended.</summary>
    public void Add(nint completion, object storage)
    {
        while (underWay.TryPeek(out (nint Event, object Storage) oldest) && HasEnded(oldest.Event))
        {
            _ = ClApi.ReleaseEvent(underWay.Dequeue().Event);
        }

        underWay.Enqueue((completion, storage));
    }

    /// <summary>Lets go of everything; only to be called when no transfer is under way.</summary>
    public void Clear()
    {
        while (underWay.TryDequeue(out (nint Event, object Storage) transfer))
        {
            _ = ClApi.ReleaseEvent(transfer.Event);
        }
    }

    // A failed query means that the device is gone, and then nothing writes the array any more.
    private static bool HasEnded(nint completion) =>
        ClApi.GetEventStatus(completion, out int status) != ClStatus.Success || status <= ClStatus.Success;
}
