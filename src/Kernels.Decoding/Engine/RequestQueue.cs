using System.Threading.Channels;

namespace Kernels.Decoding;

/// <summary>The way of requests to the engine's thread. A request takes a place until it is started, or cancelled before.</summary>
internal sealed class RequestQueue(int limit) : IDisposable
{
    private readonly Channel<EngineSequence> arrivals = Channel.CreateUnbounded<EngineSequence>(new UnboundedChannelOptions { SingleReader = true });
    private readonly SemaphoreSlim room = new(limit, limit);
    private readonly CancellationTokenSource closing = new();

    /// <summary>Requests that wait.</summary>
    public int Length => limit - room.CurrentCount;

    /// <summary>Adds a request, or says that there is no room.</summary>
    /// <exception cref="ObjectDisposedException">The queue is closed.</exception>
    public bool TryAdd(EngineSequence sequence)
    {
        if (!room.Wait(0))
        {
            return false;
        }

        Write(sequence);
        return true;
    }

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

    /// <summary>Gives the place of a request free.</summary>
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
        if (!arrivals.Writer.TryWrite(sequence))
        {
            throw new ObjectDisposedException(nameof(DecodingEngine));
        }
    }
}
