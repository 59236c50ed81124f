using System.Threading.Channels;

namespace Kernels.Decoding;

/// <summary>
/// The way of requests to the engine's thread. A request takes one of the places, of those that run and those that wait, until it has
/// ended: how many are taken does not depend on how soon the engine looks.
/// </summary>
internal sealed class RequestQueue(int limit) : IDisposable
{
    private int waiting;

    private readonly Channel<EngineSequence> arrivals = Channel.CreateUnbounded<EngineSequence>(
        new UnboundedChannelOptions { SingleReader = true });
    private readonly SemaphoreSlim room = new(limit, limit);
    private readonly CancellationTokenSource closing = new();

    /// <summary>Requests that wait.</summary>
    public int Length => Volatile.Read(ref waiting);

    /// <summary>The most requests at a time.</summary>
    public int Limit => limit;

    /// <summary>Takes places, or says that there is no room.</summary>
    public bool TryEnter(int places)
    {
        for (int taken = 0; taken < places; taken++)
        {
            if (!room.Wait(0))
            {
                if (taken > 0)
                {
                    room.Release(taken);
                }

                return false;
            }
        }

        return true;
    }

    /// <summary>Gives places free that no request was put into.</summary>
    public void Leave(int places) => room.Release(places);

    /// <summary>Puts a request into a place that was taken.</summary>
    /// <exception cref="ObjectDisposedException">The queue is closed.</exception>
    public void Add(EngineSequence sequence) => Write(sequence);

    /// <summary>Adds a request when there is room.</summary>
    /// <exception cref="ObjectDisposedException">The queue is closed.</exception>
    public async Task AddAsync(EngineSequence sequence, CancellationToken cancellation)
    {
        using var linked = CancellationTokenSource.CreateLinkedTokenSource(cancellation, closing.Token);
        try
        {
            await room.WaitAsync(linked.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (closing.IsCancellationRequested && !cancellation.IsCancellationRequested)
        {
            throw new ObjectDisposedException(nameof(DecodingEngine));
        }

        Write(sequence);
    }

    /// <summary>Takes a request that has come; it keeps its place.</summary>
    public bool TryTake(out EngineSequence? sequence) => arrivals.Reader.TryRead(out sequence);

    /// <summary>A request waits no more: it has started or ended.</summary>
    public void Started() => Interlocked.Decrement(ref waiting);

    /// <summary>Gives the place of a request that has ended free.</summary>
    public void Leave() => room.Release();

    /// <summary>Blocks until a request has come.</summary>
    /// <returns>False when the queue is closed and empty.</returns>
    public bool Wait() => arrivals.Reader.WaitToReadAsync().AsTask().GetAwaiter().GetResult();

    /// <summary>Takes no more requests.</summary>
    public void Close()
    {
        if (arrivals.Writer.TryComplete())
        {
            closing.Cancel();
        }
    }

    public void Dispose()
    {
        Close();
        room.Dispose();
        closing.Dispose();
    }

    private void Write(EngineSequence sequence)
    {
        Interlocked.Increment(ref waiting);
        if (!arrivals.Writer.TryWrite(sequence))
        {
            Interlocked.Decrement(ref waiting);
            room.Release();
            throw new ObjectDisposedException(nameof(DecodingEngine));
        }
    }
}
