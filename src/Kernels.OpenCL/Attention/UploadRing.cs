namespace Kernels.OpenCL;

/// <summary>
/// Uploads a step's metadata without waiting: two staging arrays and two device buffers in turn, so that one step's copy
/// may still be under way, or in use, while the next is written.
/// </summary>
internal sealed class UploadRing(ComputeDevice device) : IDisposable
{
    private readonly PinnedArray<int>?[] staging = new PinnedArray<int>?[2];
    private readonly DeviceBuffer<int>?[] buffers = new DeviceBuffer<int>?[2];
    private readonly ComputeEvent[] copied = new ComputeEvent[2];
    private readonly bool[] pending = new bool[2];
    private int turn;

    /// <summary>The buffer that was uploaded last.</summary>
    public DeviceBuffer<int> Current => buffers[turn] ?? throw new InvalidOperationException("The plan has not been built.");

    public void Upload(ReadOnlySpan<int> data)
    {
        turn ^= 1;
        if (pending[turn])
        {
            copied[turn].Wait();
            copied[turn].Dispose();
            pending[turn] = false;
        }

        if (staging[turn] is null || staging[turn]!.Length < data.Length)
        {
            staging[turn] = new PinnedArray<int>((int)Math.Min(Array.MaxLength, Math.Max(256, 2L * data.Length)));
        }

        device.Grow(ref buffers[turn], data.Length);
        if (data.Length > 0)
        {
            data.CopyTo(staging[turn]!.Span);
            copied[turn] = device.Queue.EnqueueWrite(buffers[turn]!, staging[turn]!, data.Length);
            pending[turn] = true;
        }
    }

    public void Dispose()
    {
        for (int i = 0; i < 2; i++)
        {
            if (pending[i])
            {
                copied[i].Wait();
                copied[i].Dispose();
                pending[i] = false;
            }

            buffers[i]?.Dispose();
        }
    }
}
