using System.Runtime.InteropServices;
using Kernels.OpenCL;

namespace Kernels.Paging.Tests.Histories;

/// <summary>
/// The pages of a real cache of two layers: a token's number is written, each time differently, to the keys and the values of both.
/// </summary>
internal sealed class DeviceMemory : IPageMemory, IDisposable
{
    private static readonly AttentionShape OneLongAToken = new(
        1, 1, HeadDim: 2, ValueDim: 2, 1, AttentionMask.None, ElementType.Float32, ElementType.Float32, KvLayout.Hnd);

    private readonly ComputeQueue queue;
    private readonly DevicePages pages;
    private readonly DeviceBuffer<byte>[] buffers;
    private readonly long[] contents;
    private readonly long[] others;

    public DeviceMemory(ComputeDevice device, int pages, int pageSize)
    {
        queue = device.Queue;
        this.pages = new DevicePages(device, OneLongAToken with { PageSize = pageSize }, pages, layers: 2);
        buffers = [this.pages.Keys(0), this.pages.Values(0), this.pages.Keys(1), this.pages.Values(1)];
        contents = new long[pages * pageSize];
        others = new long[pages * pageSize];
        for (int slot = 0; slot < contents.Length; slot++)
        {
            Write(slot, 0);
        }
    }

    public void Write(int slot, long value)
    {
        for (int i = 0; i < buffers.Length; i++)
        {
            long written = value + i;
            queue.Write(buffers[i], MemoryMarshal.AsBytes(new ReadOnlySpan<long>(in written)), slot * (long)sizeof(long));
        }
    }

    public ReadOnlySpan<long> ReadAll()
    {
        queue.Read(buffers[0], MemoryMarshal.AsBytes(contents.AsSpan()));
        for (int i = 1; i < buffers.Length; i++)
        {
            queue.Read(buffers[i], MemoryMarshal.AsBytes(others.AsSpan()));
            for (int slot = 0; slot < contents.Length; slot++)
            {
                Assert.Equal(contents[slot] + i, others[slot]);
            }
        }

        return contents;
    }

    public void Copy(int source, int target) => pages.Copy(source, target);

    public void Save(int page, int slot) => pages.Save(page, slot);

    public void Load(int slot, int page) => pages.Load(slot, page);

    public void Dispose() => pages.Dispose();
}
