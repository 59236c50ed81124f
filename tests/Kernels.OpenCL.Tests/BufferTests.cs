using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Kernels.OpenCL.Tests;

public sealed class BufferTests(DeviceFixture fixture) : IClassFixture<DeviceFixture>
{
    private ComputeDevice Device => fixture.Device;

    private ComputeQueue Queue => Device.Queue;

    [SkippableFact]
    public void ABufferGrowsUpToWhatTheDeviceHas()
    {
        DeviceBuffer<byte>? buffer = null;
        try
        {
            // Nothing is written to it: what is only allocated takes none of a CPU's memory.
            long most = Device.Budget.AvailableBytes, large = most / 10 * 6;
            Assert.Equal(100, Grown(100));
            Assert.Equal(200, Grown(101));
            Assert.Equal(large, Grown(large));
            Assert.Equal(large + 1, Grown(large + 1)); // twice as much is not to be had
            Assert.Throws<DeviceOutOfMemoryException>(() => Grown(most + 1));
            Assert.Null(buffer);
            Assert.Equal(64, Grown(10));
        }
        finally
        {
            buffer?.Dispose();
        }

        long Grown(long length)
        {
            Device.Grow(ref buffer, length);
            return buffer?.Length ?? 0;
        }
    }

    [SkippableFact]
    public void WhatIsWrittenIsRead()
    {
        using DeviceBuffer<short> buffer = Device.Upload<short>([10, 20, 30, 40, 50]);
        Assert.Equal(5, buffer.Length);
        Assert.Equal(10, buffer.ByteLength);
        Queue.Write<short>(buffer, [-1, -2], offset: 2);
        short[] data = new short[3];
        Queue.Read(buffer, data, offset: 1);
        Assert.Equal([20, -1, -2], data);
    }

    [SkippableTheory]
    [InlineData(-1, 1)]
    [InlineData(0, 6)]
    [InlineData(5, 1)]
    [InlineData(6, 0)]
    [InlineData(long.MaxValue, 1)]
    [InlineData(long.MinValue, 1)]
    public void ARangeOutsideTheBufferIsRefusedWithItsNumbers(long offset, int length)
    {
        using DeviceBuffer<int> buffer = Device.Upload<int>([1, 2, 3, 4, 5]);
        using DeviceBuffer<int> large = Device.Allocate<int>(100);
        PinnedArray<int> pinned = new(10);
        int[] plain = new int[length];
        Action[] calls =
        [
            () => Queue.Write(buffer, plain, offset),
            () => Queue.Read(buffer, plain, offset),
            () => Queue.EnqueueWrite(buffer, pinned, length, offset),
            () => Queue.SubmitWrite(buffer, pinned, length, offset),
            () => Queue.EnqueueRead(buffer, pinned, length, offset),
            () => Queue.EnqueueFill(buffer, 0, offset, length),
            () => Queue.SubmitFill(buffer, 0, offset, length),
            () => Queue.EnqueueCopy(buffer, offset, large, 0, length),
            () => Queue.EnqueueCopy(large, 0, buffer, offset, length),
            () => Queue.SubmitCopy(large, 0, buffer, offset, length),
        ];
        foreach (Action call in calls)
        {
            ArgumentOutOfRangeException e = Assert.Throws<ArgumentOutOfRangeException>(call);
            Assert.Contains($"{length} elements from offset {offset} do not lie inside a buffer of 5 elements", e.Message);
        }

        int[] data = new int[5];
        Queue.Read(buffer, data);
        Assert.Equal([1, 2, 3, 4, 5], data);
    }

    [SkippableFact]
    public void ALengthThatIsNegativeOrLongerThanTheArrayIsRefused()
    {
        using DeviceBuffer<int> buffer = Device.Allocate<int>(100);
        PinnedArray<int> pinned = new(10);
        Assert.Throws<ArgumentOutOfRangeException>(() => Queue.EnqueueWrite(buffer, pinned, -1));
        Assert.Contains("10 elements", Assert.Throws<ArgumentOutOfRangeException>(() => Queue.EnqueueRead(buffer, pinned, 11)).Message);
        Assert.Throws<ArgumentOutOfRangeException>(() => Queue.EnqueueFill(buffer, 0, 0, -1));
        Assert.Throws<ArgumentOutOfRangeException>(() => Device.Allocate<int>(-1));
        Assert.Throws<ArgumentOutOfRangeException>(() => Device.Allocate<int>(long.MaxValue));
        Assert.Throws<ArgumentOutOfRangeException>(() => new PinnedArray<int>(-1));
    }

    [SkippableFact]
    public void ABufferOfNothingIsAnArgument()
    {
        using DeviceBuffer<float> empty = Device.Allocate<float>(0);
        Assert.Equal(0, empty.Length);
        Assert.Equal(0, empty.ByteLength);
        Queue.Write(empty, []);
        Queue.Read(empty, []);
        using DeviceBuffer<float> target = Device.Upload<float>([5]);
        using ComputeKernel kernel = fixture.Kernel("scale");
        Queue.Submit(kernel.Set(0, empty).Set(1, target).Set(2, 1f).Set(3, 0), 1, 1);
        float[] data = new float[1];
        Queue.Read(target, data);
        Assert.Equal(5, data[0]);
    }

    [SkippableFact]
    public async Task TransfersOfNothingKeepTheirPlace()
    {
        using DeviceBuffer<int> buffer = Device.Allocate<int>(4);
        PinnedArray<int> pinned = new(0);
        using UserEvent before = new(Device);
        before.HoldUp(Queue);
        ComputeEvent[] events =
        [
            Queue.EnqueueWrite(buffer, pinned, 0),
            Queue.EnqueueRead(buffer, pinned, 0, offset: 4),
            Queue.EnqueueFill(buffer, 1, 4, 0),
            Queue.EnqueueCopy(buffer, 0, buffer, 0, 0),
        ];
        Queue.SubmitWrite(buffer, pinned, 0);
        Assert.DoesNotContain(events, one => one.IsComplete);
        before.End();
        foreach (ComputeEvent one in events)
        {
            await one;
            one.Dispose();
        }
    }

    [SkippableFact]
    public void ADisposedBufferIsRefused()
    {
        DeviceBuffer<int> buffer = Device.Allocate<int>(4);
        using DeviceBuffer<int> other = Device.Allocate<int>(4);
        Assert.False(buffer.IsDisposed);
        buffer.Dispose();
        buffer.Dispose();
        Assert.True(buffer.IsDisposed);
        Assert.Throws<ObjectDisposedException>(() => Queue.Write(buffer, [1]));
        Assert.Throws<ObjectDisposedException>(() => Queue.Read(buffer, new int[1]));
        Assert.Throws<ObjectDisposedException>(() => Queue.EnqueueFill(buffer, 1, 0, 1));
        Assert.Throws<ObjectDisposedException>(() => Queue.EnqueueCopy(other, 0, buffer, 0, 1));
        Assert.Throws<ObjectDisposedException>(() => Queue.EnqueueRead(buffer, new PinnedArray<int>(1), 1));
    }

    [SkippableFact]
    public void AnotherDevicesBufferIsRefused()
    {
        using ComputeDevice another = DeviceFixture.OpenAnother();
        using DeviceBuffer<int> foreign = another.Allocate<int>(4);
        using DeviceBuffer<int> own = Device.Allocate<int>(4);
        Assert.Contains("belongs to", Assert.Throws<ArgumentException>(() => Queue.Write(foreign, [1])).Message);
        Assert.Throws<ArgumentException>(() => Queue.Read(foreign, new int[1]));
        Assert.Throws<ArgumentException>(() => Queue.EnqueueFill(foreign, 1, 0, 1));
        Assert.Throws<ArgumentException>(() => Queue.EnqueueCopy(foreign, 0, own, 0, 1));
        Assert.Throws<ArgumentException>(() => Queue.EnqueueCopy(own, 0, foreign, 0, 1));
        Assert.Throws<ArgumentNullException>(() => Queue.Write(null!, [1]));
    }

    [SkippableFact]
    public void BytesAreCounted()
    {
        using ComputeDevice device = DeviceFixture.OpenAnother();
        Assert.Equal(0, device.AllocatedBytes);
        DeviceBuffer<float> a = device.Allocate<float>(1000);
        DeviceBuffer<byte> b = device.Allocate<byte>(50);
        Assert.Equal(4050, device.AllocatedBytes);
        a.Dispose();
        a.Dispose();
        Assert.Equal(50, device.AllocatedBytes);
        b.Dispose();
        Assert.Equal(0, device.AllocatedBytes);
    }

    [SkippableFact]
    public void ABufferThatNobodyDisposedIsFreedByTheCollector()
    {
        using ComputeDevice device = DeviceFixture.OpenAnother();
        AllocateAndForget(device);
        for (int i = 0; i < 20 && device.AllocatedBytes != 0; i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }

        Assert.Equal(0, device.AllocatedBytes);
    }

    [SkippableFact]
    public void MoreThanTheDeviceHasIsRefusedWithNumbers()
    {
        using ComputeDevice device = DeviceFixture.OpenAnother();
        using DeviceBuffer<int> held = device.Upload<int>([1, 2, 3]);
        long wanted = device.Capabilities.GlobalMemoryBytes + 1;
        DeviceOutOfMemoryException e = Assert.Throws<DeviceOutOfMemoryException>(() => device.Allocate<byte>(wanted));
        Assert.Equal(wanted, e.RequestedBytes);
        Assert.Equal(Math.Min(device.Capabilities.MaxAllocationBytes, device.Capabilities.GlobalMemoryBytes - 12), e.AvailableBytes);
        Assert.Contains($"{wanted} bytes", e.Message);
        Assert.Contains($"{e.AvailableBytes} bytes", e.Message);
        Assert.Contains(device.ToString(), e.Message);
        Assert.Equal(12, device.AllocatedBytes);

        int[] data = new int[3];
        device.Queue.Read(held, data);
        Assert.Equal([1, 2, 3], data);
    }

    [SkippableFact]
    public void ABufferOverTheDevicesLimitForOneIsRefused()
    {
        DeviceCapabilities capabilities = Device.Capabilities;
        Skip.If(
            capabilities.MaxAllocationBytes == capabilities.GlobalMemoryBytes, "The device allows one buffer to take all of its memory.");
        DeviceOutOfMemoryException e = Assert.Throws<DeviceOutOfMemoryException>(
            () => Device.Allocate<byte>(capabilities.MaxAllocationBytes + 1));
        Assert.Contains($"allows {capabilities.MaxAllocationBytes} bytes for one buffer", e.Message);
    }

    [SkippableFact]
    public void FillsAndCopies()
    {
        using DeviceBuffer<int> a = Device.Upload<int>([0, 1, 2, 3, 4, 5, 6, 7]);
        using DeviceBuffer<int> b = Device.Allocate<int>(4);
        Queue.EnqueueFill(b, -1, 0, 4).Dispose();
        Queue.EnqueueCopy(a, 2, b, 1, 2).Dispose();
        Queue.EnqueueCopy(a, 0, a, 6, 2).Dispose();
        int[] data = new int[4];
        Queue.Read(b, data);
        Assert.Equal([-1, 2, 3, -1], data);
        int[] all = new int[8];
        Queue.Read(a, all);
        Assert.Equal([0, 1, 2, 3, 4, 5, 0, 1], all);
    }

    [SkippableFact]
    public void OverlappingCopiesAndOddPatternsAreRefused()
    {
        using DeviceBuffer<int> a = Device.Allocate<int>(8);
        Assert.Contains("overlap", Assert.Throws<ArgumentException>(() => Queue.EnqueueCopy(a, 0, a, 3, 4)).Message);
        Assert.Throws<ArgumentException>(() => Queue.EnqueueCopy(a, 3, a, 0, 4));
        using DeviceBuffer<TwelveBytes> b = Device.Allocate<TwelveBytes>(8);
        Assert.Contains("12", Assert.Throws<ArgumentException>(() => Queue.EnqueueFill(b, default, 0, 8)).Message);
    }

    [SkippableFact]
    public async Task PinnedTransfersAreAwaited()
    {
        using DeviceBuffer<int> buffer = Device.Allocate<int>(1000);
        PinnedArray<int> staging = new(1000);
        for (int i = 0; i < staging.Length; i++)
        {
            staging[i] = i * i;
        }

        using (ComputeEvent written = Queue.EnqueueWrite(buffer, staging, 1000))
        {
            await written;
        }

        staging.Span.Clear();
        using (ComputeEvent read = Queue.EnqueueRead(buffer, staging, 10, offset: 100))
        {
            await read;
        }

        Assert.Equal(Enumerable.Range(100, 10).Select(i => i * i), staging.Span[..10].ToArray());
        Assert.Equal(0, staging[10]);
    }

    [SkippableFact]
    public void AnArrayLivesAsLongAsItsTransfer()
    {
        using ComputeDevice device = DeviceFixture.OpenAnother();
        using DeviceBuffer<int> buffer = device.Allocate<int>(1000);
        WeakReference storage;
        using (UserEvent before = new(device))
        {
            before.HoldUp(device.Queue);
            storage = SubmitAndForget(device.Queue, buffer);
            GC.Collect();
            GC.WaitForPendingFinalizers();
            GC.Collect();
            Assert.True(storage.IsAlive);
        }

        device.Queue.Finish();
        int[] data = new int[1000];
        device.Queue.Read(buffer, data);
        Assert.All(data, value => Assert.Equal(42, value));

        // The next transfer lets go of the ones that have ended.
        device.Queue.SubmitWrite(buffer, new PinnedArray<int>(1), 1);
        GC.Collect();
        Assert.False(storage.IsAlive);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void AllocateAndForget(ComputeDevice device)
    {
        _ = device.Allocate<byte>(1 << 16);
        Assert.Equal(1 << 16, device.AllocatedBytes);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static WeakReference SubmitAndForget(ComputeQueue queue, DeviceBuffer<int> buffer)
    {
        PinnedArray<int> staging = new(1000);
        staging.Span.Fill(42);
        queue.SubmitWrite(buffer, staging, 1000);
        return new(staging.Storage);
    }

    [StructLayout(LayoutKind.Sequential, Size = 12)]
    private readonly struct TwelveBytes;
}
