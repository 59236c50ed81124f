namespace Kernels.OpenCL.Tests;

public sealed class KernelTests(DeviceFixture fixture) : IClassFixture<DeviceFixture>
{
    private ComputeDevice Device => fixture.Device;

    private ComputeQueue Queue => Device.Queue;

    [SkippableFact]
    public void RunsOverThreeDimensions()
    {
        using DeviceBuffer<int> buffer = Device.Allocate<int>(4 * 3 * 2);
        using ComputeKernel kernel = fixture.Kernel("place");
        Queue.Submit(kernel.Set(0, buffer), (4, 3, 2), (2, 1, 2));
        int[] data = new int[24];
        Queue.Read(buffer, data);
        Assert.Equal(
            from z in Enumerable.Range(0, 2)
            from y in Enumerable.Range(0, 3)
            from x in Enumerable.Range(0, 4)
            select x + (100 * y) + (10000 * z),
            data);
    }

    [SkippableFact]
    public void MoreWorkGroupsThanCanBeNumberedAreRefused()
    {
        using DeviceBuffer<int> buffer = Device.Allocate<int>(1);
        using ComputeKernel kernel = fixture.Kernel("place");
        kernel.Set(0, buffer);
        nuint tooMany = (nuint)int.MaxValue + 1;
        NDRange[] ranges = [new(tooMany), new(1, tooMany), new(1, 1, tooMany)];
        foreach (NDRange range in ranges)
        {
            var e = Assert.Throws<DeviceLimitException>(() => Queue.Submit(kernel, range, 1));
            Assert.Contains("2147483648 work-groups", e.Message, StringComparison.Ordinal);
        }

        Queue.Finish();
    }

    [SkippableFact]
    public void ValuesOfEveryTypeArrive()
    {
        using DeviceBuffer<long> buffer = Device.Allocate<long>(5);
        using ComputeKernel kernel = fixture.Kernel("values");
        kernel.Set(0, buffer).Set(1, -5).Set(2, 4_000_000_000u).Set(3, -6_000_000_000L).Set(4, 1UL << 62).Set(5, 2.75f);
        long[] data = new long[5];
        Queue.Submit(kernel, 1, 1);
        Queue.Read(buffer, data);
        Assert.Equal([-5, 4_000_000_000, -6_000_000_000, 1L << 62, 11], data);

        // Set again: to the same, to another, and back.
        Queue.Submit(kernel.Set(1, -5).Set(2, 1u).Set(3, 7L), 1, 1);
        Queue.Read(buffer, data);
        Assert.Equal([-5, 1, 7, 1L << 62, 11], data);
        Queue.Submit(kernel.Set(1, 6).Set(2, 4_000_000_000u).Set(3, 7L).Set(5, -1f), 1, 1);
        Queue.Read(buffer, data);
        Assert.Equal([6, 4_000_000_000, 7, 1L << 62, -4], data);
    }

    [SkippableFact]
    public void ALaunchTakesTheArgumentsOfItsTime()
    {
        using DeviceBuffer<float> a = Device.Upload<float>([1, 2]);
        using DeviceBuffer<float> b = Device.Allocate<float>(2);
        using DeviceBuffer<float> c = Device.Allocate<float>(2);
        using ComputeKernel kernel = fixture.Kernel("scale");
        Queue.Submit(kernel.Set(0, a).Set(1, b).Set(2, 10f).Set(3, 2), 2, 1);
        Queue.Submit(kernel.Set(0, b).Set(1, c).Set(2, 3f), 2, 2);
        float[] data = new float[2];
        Queue.Read(c, data);
        Assert.Equal([30, 60], data);
        Queue.Read(b, data);
        Assert.Equal([10, 20], data);
    }

    [SkippableFact]
    public void ANullPointerIsNull()
    {
        using DeviceBuffer<int> some = Device.Allocate<int>(1);
        using DeviceBuffer<int> result = Device.Allocate<int>(1);
        using ComputeKernel kernel = fixture.Kernel("is_null");
        int[] data = new int[1];
        foreach ((bool isNull, int expected) in ((bool, int)[])[(true, 1), (false, 0), (true, 1)])
        {
            _ = isNull ? kernel.SetNull(0) : kernel.Set(0, some);
            Queue.Submit(kernel.Set(1, result), 1, 1);
            Queue.Read(result, data);
            Assert.Equal(expected, data[0]);
        }
    }

    [SkippableFact]
    public void LocalMemoryIsGiven()
    {
        using DeviceBuffer<int> buffer = Device.Upload<int>([1, 2, 3, 4, 5, 6, 7, 8]);
        using ComputeKernel kernel = fixture.Kernel("reverse");
        Queue.Submit(kernel.Set(0, buffer).SetLocal(1, 4 * sizeof(int)), 8, 4);
        int[] data = new int[8];
        Queue.Read(buffer, data);
        Assert.Equal([4, 3, 2, 1, 8, 7, 6, 5], data);
    }

    [SkippableFact]
    public void LocalMemoryOverTheDevicesIsRefusedWithNumbers()
    {
        using ComputeKernel kernel = fixture.Kernel("reverse");
        long limit = Device.Capabilities.LocalMemoryBytes;
        Skip.If(limit >= int.MaxValue, "The device has more local memory than can be asked for.");
        DeviceLimitException e = Assert.Throws<DeviceLimitException>(() => kernel.SetLocal(1, (int)limit + 1));
        Assert.Contains($"{limit + 1} bytes", e.Message);
        Assert.Contains(limit.ToString(System.Globalization.CultureInfo.InvariantCulture), e.Message);
        Assert.Throws<ArgumentOutOfRangeException>(() => kernel.SetLocal(1, 0));
    }

    [SkippableFact]
    public void AnArgumentThatDoesNotExistIsRefused()
    {
        using ComputeKernel kernel = fixture.Kernel("scale");
        Assert.Equal("scale", kernel.Name);
        Assert.Equal(4, kernel.ArgumentCount);
        Assert.Contains("4 arguments", Assert.Throws<ArgumentOutOfRangeException>(() => kernel.Set(4, 1)).Message);
        Assert.Throws<ArgumentOutOfRangeException>(() => kernel.Set(-1, 1f));
        Assert.Throws<ArgumentOutOfRangeException>(() => kernel.SetNull(9));
        Assert.Throws<ArgumentOutOfRangeException>(() => kernel.SetLocal(9, 4));
    }

    [SkippableFact]
    public void AnArgumentOfAnotherSizeIsRefused()
    {
        using ComputeKernel kernel = fixture.Kernel("scale");
        ArgumentException e = Assert.Throws<ArgumentException>(() => kernel.Set(3, 1L));
        Assert.Contains("Argument 3 of kernel scale", e.Message);
        Assert.IsType<ComputeException>(e.InnerException);
    }

    [SkippableFact]
    public void AnArgumentThatWasNeverSetIsNamed()
    {
        using DeviceBuffer<float> buffer = Device.Allocate<float>(1);
        using ComputeKernel kernel = fixture.Kernel("scale");
        kernel.Set(0, buffer).Set(3, 1);
        Assert.Contains("Argument 1 of kernel scale", Assert.Throws<InvalidOperationException>(() => Queue.Submit(kernel, 1, 1)).Message);
        kernel.Set(1, buffer);
        Assert.Contains("Argument 2", Assert.Throws<InvalidOperationException>(() => Queue.Submit(kernel, 1, 1)).Message);
    }

    [SkippableFact]
    public void ABufferDisposedSinceIsRefusedAtTheLaunch()
    {
        DeviceBuffer<int> buffer = Device.Allocate<int>(8);
        using DeviceBuffer<int> next = Device.Allocate<int>(8);
        using ComputeKernel kernel = fixture.Kernel("place");
        kernel.Set(0, buffer);
        buffer.Dispose();
        Assert.Throws<ObjectDisposedException>(() => Queue.Submit(kernel, 8, 1));
        Assert.Throws<ObjectDisposedException>(() => kernel.Set(0, buffer));
        Queue.Submit(kernel.Set(0, next), 8, 1);
        Queue.Finish();
    }

    [SkippableFact]
    public void ADisposedKernelIsRefused()
    {
        using DeviceBuffer<int> buffer = Device.Allocate<int>(8);
        ComputeKernel kernel = fixture.Kernel("place");
        kernel.Set(0, buffer);
        kernel.Dispose();
        kernel.Dispose();
        Assert.Throws<ObjectDisposedException>(() => Queue.Submit(kernel, 8, 1));
        Assert.Throws<ObjectDisposedException>(() => kernel.Set(0, buffer));
    }

    [SkippableFact]
    public void AnotherDevicesThingsAreRefused()
    {
        using ComputeDevice another = DeviceFixture.OpenAnother();
        using DeviceBuffer<int> foreign = another.Allocate<int>(8);
        using DeviceBuffer<int> own = Device.Allocate<int>(8);
        using ComputeKernel kernel = fixture.Kernel("place");
        Assert.Throws<ArgumentException>(() => kernel.Set(0, foreign));
        kernel.Set(0, own);
        Assert.Contains("was built for", Assert.Throws<ArgumentException>(() => another.Queue.Submit(kernel, 8, 1)).Message);
        Assert.Throws<ArgumentNullException>(() => Queue.Submit(null!, 8, 1));
        Assert.Throws<ArgumentNullException>(() => kernel.Set(0, null!));
    }

    [SkippableFact]
    public void RangesThatDoNotFitAreRefused()
    {
        using DeviceBuffer<int> buffer = Device.Allocate<int>(64);
        using ComputeKernel kernel = fixture.Kernel("place");
        kernel.Set(0, buffer);
        Assert.Contains("10x1x1 in work-groups of 4x1x1", Assert.Throws<ArgumentException>(() => Queue.Submit(kernel, 10, 4)).Message);
        Assert.Throws<ArgumentException>(() => Queue.Submit(kernel, (4, 3), (2, 2)));
        Assert.Throws<ArgumentException>(() => Queue.Submit(kernel, 0, 1));
        Assert.Throws<ArgumentException>(() => Queue.Submit(kernel, 4, 0));
        Assert.Throws<ArgumentException>(() => Queue.Submit(kernel, 4, default));
    }

    [SkippableFact]
    public void AWorkGroupOverTheLimitsIsRefusedWithNumbers()
    {
        using DeviceBuffer<int> buffer = Device.Allocate<int>(64);
        using ComputeKernel kernel = fixture.Kernel("place");
        kernel.Set(0, buffer);
        DeviceCapabilities capabilities = Device.Capabilities;
        Assert.InRange(kernel.WorkGroupLimit, 1, capabilities.MaxWorkGroupSize);

        int tooWide = capabilities.MaxWorkItemSizes[0] + 1;
        DeviceLimitException e = Assert.Throws<DeviceLimitException>(() => Queue.Submit(kernel, tooWide, tooWide));
        Assert.Contains($"{tooWide}", e.Message);
        Assert.Contains($"{capabilities.MaxWorkItemSizes[0]}", e.Message);

        int y = Math.Min(kernel.WorkGroupLimit, capabilities.MaxWorkItemSizes[1]);
        int x = (kernel.WorkGroupLimit / y) + 1;
        e = Assert.Throws<DeviceLimitException>(() => Queue.Submit(kernel, (x, y), (x, y)));
        Assert.Contains($"{x * y} work-items", e.Message);
        Assert.Contains($"allows {kernel.WorkGroupLimit}", e.Message);
    }

    [SkippableFact]
    public void ARequiredWorkGroupIsHeldTo()
    {
        using DeviceBuffer<int> buffer = Device.Allocate<int>(64);
        using ComputeKernel kernel = fixture.Kernel("eight_by_two");
        kernel.Set(0, buffer);
        Assert.Contains("8x2x1, not of 16x1x1", Assert.Throws<ArgumentException>(() => Queue.Submit(kernel, (16, 4), 16)).Message);
        Queue.Submit(kernel, (16, 4), (8, 2));
        int[] data = new int[64];
        Queue.Read(buffer, data);
        Assert.All(data, value => Assert.Equal(7, value));
    }

    [SkippableFact]
    public void AKernelOutlivesItsProgramAndItsUseOfABuffer()
    {
        using ComputeProgram program = Device.Programs.GetOrBuild(Sources.Basics);
        using ComputeKernel kernel = program.CreateKernel("place");
        program.Dispose();
        Assert.Throws<ObjectDisposedException>(() => program.CreateKernel("place"));
        PinnedArray<int> data = new(1 << 14);
        ComputeEvent read;
        using (DeviceBuffer<int> buffer = Device.Allocate<int>(1 << 14))
        {
            Queue.Submit(kernel.Set(0, buffer), 1 << 14, 1);
            read = Queue.EnqueueRead(buffer, data, data.Length);
        }

        read.Wait();
        read.Dispose();
        Assert.Equal(Enumerable.Range(0, 1 << 14), data.Span.ToArray());
    }

    [SkippableTheory]
    [InlineData(true)]
    [InlineData(false)]
    public void ThreadsWithKernelsOfTheirOwnRunSideBySide(bool sharedQueue)
    {
        Skip.If(
            sharedQueue && Device.Capabilities.PlatformName == "rusticl",
            "rusticl of Mesa 22 now and then runs a read before the launch ahead of it when threads share a queue.");
        const int Threads = 4;
        const int Rounds = 200;
        Parallel.For(0, Threads, new() { MaxDegreeOfParallelism = Threads }, thread =>
        {
            using ComputeQueue own = Device.CreateQueue();
            ComputeQueue queue = sharedQueue ? Queue : own;
            using DeviceBuffer<float> a = Device.Upload<float>([1, 2, 3, 4]);
            using DeviceBuffer<float> b = Device.Allocate<float>(4);
            using ComputeKernel kernel = fixture.Kernel("scale");
            kernel.Set(0, a).Set(1, b).Set(3, 4);
            float[] data = new float[4];
            for (int round = 0; round < Rounds; round++)
            {
                float factor = (thread * Rounds) + round;
                using ComputeEvent launch = queue.Enqueue(kernel.Set(2, factor), 4, 1);
                queue.Read(b, data);
                launch.Wait();
                Assert.Equal([factor, 2 * factor, 3 * factor, 4 * factor], data);
            }
        });
    }
}
