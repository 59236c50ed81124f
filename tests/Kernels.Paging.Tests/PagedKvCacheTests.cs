using Kernels.OpenCL;

namespace Kernels.Paging.Tests;

public sealed class PagedKvCacheTests(DeviceFixture fixture) : IClassFixture<DeviceFixture>
{
    private const int PageSize = 4;
    private const int Layers = 2;

    // Keys and values of different sizes, so that an offset of one used for the other shows.
    private static readonly AttentionShape Shape = new(
        6, 3, HeadDim: 6, ValueDim: 10, 1, AttentionMask.Causal, ElementType.Float16, ElementType.Float16, KvLayout.Hnd)
    {
        PageSize = PageSize,
    };

    private const int KeyBytes = PageSize * 3 * 6 * 2;
    private const int ValueBytes = PageSize * 3 * 10 * 2;

    private ComputeQueue Queue => fixture.Device.Queue;

    public static TheoryData<KvLayout, ElementType> Layouts => new()
    {
        { KvLayout.Hnd, ElementType.Float16 }, { KvLayout.Nhd, ElementType.Float16 },
        { KvLayout.Hnd, ElementType.Int8 }, { KvLayout.Nhd, ElementType.Int8 }, { KvLayout.Hnd, ElementType.Int4 },
        { KvLayout.Nhd, ElementType.Int4 },
    };

    [SkippableFact]
    public void SizesAreTheShapes()
    {
        using PagedKvCache<Spec> cache = Create(8);
        Assert.Equal(PageSize, cache.PageSize);
        Assert.Equal(8, cache.PageCount);
        Assert.Equal(Layers, cache.Layers);
        Assert.Equal(8 * KeyBytes, cache.GetKeys(1).ByteLength);
        Assert.Equal(8 * ValueBytes, cache.GetValues(1).ByteLength);
        Assert.Equal(8 * PageSize * Layers * Shape.CacheBytesPerToken, cache.ByteLength);
        Assert.Equal(0, cache.HostByteLength);
        Assert.Equal(8, cache.Statistics.Free);
        Assert.Same(Shape, cache.Shape);
        Assert.Same(fixture.Device, cache.Device);
    }

    [SkippableTheory]
    [MemberData(nameof(Layouts))]
    public void ACopyOnWriteKeepsTheBitsOfAllLayers(KvLayout layout, ElementType stored)
    {
        using PagedKvCache<Spec> cache = Create(6, layout, stored);
        SequenceHandle sequence = cache.AddSequence();
        Assert.True(cache.TryExtend(sequence, 6));
        cache.MarkWritten(sequence);
        byte[][] before = Fill(cache, 1);
        SequenceHandle fork = cache.Fork(sequence);
        Assert.Equal(cache.GetPages(sequence), cache.GetPages(fork));
        Assert.True(cache.TryExtend(fork, 1));
        int source = cache.GetPages(sequence)[1];
        int target = cache.GetPages(fork)[1];
        Assert.NotEqual(source, target);
        Assert.Equal(cache.GetPages(sequence)[0], cache.GetPages(fork)[0]);
        Assert.Equal((target * PageSize) + 2, cache.Slots.GetSlot(fork, 6));
        byte[][] after = Contents(cache);
        Assert.Equal(Layers * (cache.Shape.CacheScale == CacheScale.PerToken ? 4 : 2), after.Length);
        for (int plane = 0; plane < after.Length; plane++)
        {
            Page(cache, before, plane, source).CopyTo(Page(cache, before, plane, target));
            Assert.Equal(before[plane], after[plane]);
        }
    }

    [SkippableTheory]
    [MemberData(nameof(Layouts))]
    public void ASwapKeepsTheBitsOfAllLayers(KvLayout layout, ElementType stored)
    {
        using PagedKvCache<Spec> cache = Create(5, layout, stored);
        SequenceHandle other = cache.AddSequence();
        SequenceHandle sequence = cache.AddSequence();
        Assert.True(cache.TryExtend(other, 3));
        Assert.True(cache.TryExtend(sequence, 13));
        byte[][] before = Fill(cache, 1);
        int[] pages = cache.GetPages(sequence).ToArray();
        Assert.Equal(4, cache.SwapOut(sequence));
        Assert.Equal(4 * PageSize * Layers * cache.Shape.CacheBytesPerToken, cache.HostByteLength);
        Assert.Equal(4, cache.Statistics.Saved);

        // Others write into the pages at once, while the copies may be under way.
        Assert.True(cache.TryExtend(other, 16));
        Assert.False(cache.TrySwapIn(sequence));
        byte[][] overwritten = Fill(cache, 2);
        cache.Truncate(other, 4);
        Assert.True(cache.TrySwapIn(sequence));
        Assert.Equal(13, cache.GetLength(sequence));
        int[] back = cache.GetPages(sequence).ToArray();
        Assert.DoesNotContain(cache.GetPages(other)[0], back);
        byte[][] after = Contents(cache);
        for (int plane = 0; plane < after.Length; plane++)
        {
            for (int i = 0; i < pages.Length; i++)
            {
                Page(cache, before, plane, pages[i]).CopyTo(Page(cache, overwritten, plane, back[i]));
            }

            Assert.Equal(overwritten[plane], after[plane]);
        }
    }

    [SkippableFact]
    public void SwappingBackAndForthWithoutWaiting()
    {
        using PagedKvCache<Spec> cache = Create(4);
        SequenceHandle a = cache.AddSequence();
        SequenceHandle b = cache.AddSequence();
        Assert.True(cache.TryExtend(a, 12));
        byte[][] first = Fill(cache, 1);
        int[] pagesOfA = cache.GetPages(a).ToArray();
        cache.SwapOut(a);
        Assert.True(cache.TryExtend(b, 16));
        byte[][] second = Fill(cache, 2);
        int[] pagesOfB = cache.GetPages(b).ToArray();
        for (int round = 0; round < 20; round++)
        {
            cache.SwapOut(b);
            Assert.True(cache.TrySwapIn(a));
            cache.SwapOut(a);
            Assert.True(cache.TrySwapIn(b));
        }

        Check(b, second, pagesOfB);
        cache.SwapOut(b);
        Assert.True(cache.TrySwapIn(a));
        Check(a, first, pagesOfA);
        Assert.Equal(7 * Layers * (KeyBytes + ValueBytes), cache.HostByteLength);

        void Check(SequenceHandle sequence, byte[][] expected, int[] pages)
        {
            byte[][] contents = Contents(cache);
            int[] now = cache.GetPages(sequence).ToArray();
            for (int plane = 0; plane < contents.Length; plane++)
            {
                for (int i = 0; i < pages.Length; i++)
                {
                    Assert.Equal(Page(cache, expected, plane, pages[i]).ToArray(), Page(cache, contents, plane, now[i]).ToArray());
                }
            }
        }
    }

    [SkippableFact]
    public void PrefixesAreAdopted()
    {
        using PagedKvCache<Spec> cache = Create(4);
        int[] tokens = [1, 2, 3, 4, 5, 6];
        SequenceHandle sequence = cache.AddSequence();
        Assert.True(cache.TryExtend(sequence, tokens.Length));
        cache.MarkWritten(sequence);
        Assert.Equal(4, cache.Publish(sequence, tokens));
        int page = cache.GetPages(sequence)[0];
        cache.Release(sequence);
        Assert.False(cache.Contains(sequence));
        SequenceHandle other = cache.AddSequence();
        Assert.Equal(4, cache.AdoptPrefix(other, tokens));
        Assert.Equal(page, cache.GetPages(other)[0]);
        Assert.Equal(-1, cache.Slots.GetSlot(other, 3));
    }

    [SkippableFact]
    public void CopiesOfASteadyDecodeAllocateNothing()
    {
        using PagedKvCache<Spec> cache = Create(8);
        SequenceHandle sequence = cache.AddSequence();
        Assert.True(cache.TryExtend(sequence, 6));
        cache.MarkWritten(sequence);
        ForkAndDecode();
        long before = GC.GetAllocatedBytesForCurrentThread();
        bool all = ForkAndDecode();
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
        Assert.True(all);

        bool ForkAndDecode()
        {
            bool fits = true;
            for (int round = 0; round < 100; round++)
            {
                SequenceHandle fork = cache.Fork(sequence);
                fits &= cache.TryExtend(fork, 1) && cache.TryExtend(fork, 4);
                cache.Release(fork);
            }

            return fits;
        }
    }

    [SkippableFact]
    public void ABufferThatTheDeviceDoesNotAllowIsRefusedWithItsNumbers()
    {
        long limit = fixture.Device.Capabilities.MaxAllocationBytes;
        AttentionShape large = Shape with { HeadDim = 64, ValueDim = 128, PageSize = 1 };
        int valueBytes = 3 * 128 * 2;
        int pages = (int)Math.Min(int.MaxValue, (limit / valueBytes) + 1);
        Skip.If((long)pages * valueBytes <= limit, "The device allows a buffer for every page that there can be.");
        long allocated = fixture.Device.AllocatedBytes;
        DeviceLimitException error = Assert.Throws<DeviceLimitException>(() => new PagedKvCache<Spec>(fixture.Device, large, pages, 1));
        Assert.Contains($"values of one layer take {pages} pages of {valueBytes} bytes", error.Message, StringComparison.Ordinal);
        Assert.Contains($"{limit} bytes, {limit / valueBytes} pages", error.Message, StringComparison.Ordinal);
        Assert.Equal(allocated, fixture.Device.AllocatedBytes);
    }

    [SkippableFact]
    public void WhatDoesNotFitIsGivenBack()
    {
        ComputeDevice device = fixture.Device;
        long allocated = device.AllocatedBytes;
        long half = device.Capabilities.MaxAllocationBytes / 2;
        AttentionShape large = Shape with { HeadDim = 128, ValueDim = 128, PageSize = 16 };
        int pages = (int)(half / (16 * 3 * 128 * 2));
        int layers = (int)(device.Capabilities.GlobalMemoryBytes / half) + 1;

        // Buffers that nothing is written to take no memory of a CPU device; the runtime counts them all the same.
        Assert.Throws<DeviceOutOfMemoryException>(() => new PagedKvCache<Spec>(device, large, pages, layers));
        Assert.Equal(allocated, device.AllocatedBytes);
    }

    [SkippableFact]
    public void BadArgumentsAreNamed()
    {
        ComputeDevice device = fixture.Device;
        Assert.Equal(
            "shape", Assert.Throws<ArgumentException>(() => new PagedKvCache<Spec>(device, Shape with { PageSize = 0 }, 8, 1)).ParamName);
        Assert.Equal("pages", Assert.Throws<ArgumentOutOfRangeException>(() => new PagedKvCache<Spec>(device, Shape, 0, 1)).ParamName);
        Assert.Equal("layers", Assert.Throws<ArgumentOutOfRangeException>(() => new PagedKvCache<Spec>(device, Shape, 8, 0)).ParamName);
        long allocated = device.AllocatedBytes;
        Assert.Equal(
            "pageSize", Assert.Throws<ArgumentOutOfRangeException>(
                () => new PagedKvCache<Spec>(device, Shape with { PageSize = 257 }, 8, 1)).ParamName);
        Assert.Equal(allocated, device.AllocatedBytes);
        Assert.Contains(
            "all 1000000 layers",
            Assert.Throws<ArgumentException>(() => new PagedKvCache<Spec>(device, Shape with { HeadDim = 128 }, 1, 1_000_000)).Message,
            StringComparison.Ordinal);
        PagedKvCache<Spec> cache = Create(2);
        Assert.Throws<ArgumentOutOfRangeException>(() => cache.GetKeys(Layers));
        Assert.Throws<ArgumentOutOfRangeException>(() => cache.GetValues(-1));
        SequenceHandle sequence = cache.AddSequence();
        DeviceBuffer<byte> keys = cache.GetKeys(0), values = cache.GetValues(1);
        cache.Dispose();
        Assert.Throws<ObjectDisposedException>(() => cache.TryExtend(sequence, 1));
        Assert.Throws<ObjectDisposedException>(() => cache.AddSequence());
        Assert.True(keys.IsDisposed && values.IsDisposed);
        Assert.Equal(allocated, device.AllocatedBytes);
    }

    private static Span<byte> Page(PagedKvCache cache, byte[][] planes, int plane, int page)
    {
        int bytes = planes[plane].Length / cache.PageCount;
        return planes[plane].AsSpan(page * bytes, bytes);
    }

    private PagedKvCache<Spec> Create(int pages, KvLayout layout = KvLayout.Hnd, ElementType stored = ElementType.Float16) =>
        new(
            fixture.Device, (layout, stored) == (Shape.Layout, Shape.CacheStorage) ? Shape : Shape with
            {
                Layout = layout,
                CacheStorage = stored,
            }, pages, Layers);

    /// <summary>Keys, values and, where each token has them, the scales of both.</summary>
    private static IEnumerable<DeviceBuffer<byte>> Planes(PagedKvCache cache) => Enumerable.Range(0, cache.Layers).SelectMany(layer =>
        cache.Shape.CacheScale == CacheScale.PerToken
            ? new[] { cache.GetKeys(layer), cache.GetValues(layer), cache.GetKeyScales(layer), cache.GetValueScales(layer) }
            : [cache.GetKeys(layer), cache.GetValues(layer)]);

    /// <summary>Fills all pages of all layers with bits that differ everywhere, and returns them.</summary>
    private byte[][] Fill(PagedKvCache cache, int seed)
    {
        Random random = new(seed);
        return [.. Planes(cache).Select(plane =>
        {
            byte[] bits = new byte[plane.ByteLength];
            random.NextBytes(bits);
            Queue.Write<byte>(plane, bits);
            return bits;
        })];
    }

    private byte[][] Contents(PagedKvCache cache) => [.. Planes(cache).Select(plane =>
    {
        byte[] bits = new byte[plane.ByteLength];
        Queue.Read<byte>(plane, bits);
        return bits;
    })];

    private sealed class Spec;
}
