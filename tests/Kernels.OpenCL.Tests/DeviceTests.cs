namespace Kernels.OpenCL.Tests;

public sealed class DeviceTests(DeviceFixture fixture) : IClassFixture<DeviceFixture>
{
    [SkippableFact]
    public void CapabilitiesAreRead()
    {
        DeviceCapabilities capabilities = fixture.Device.Capabilities;
        Assert.NotEmpty(capabilities.Name);
        Assert.NotEmpty(capabilities.PlatformName);
        Assert.NotEmpty(capabilities.DriverVersion);
        Assert.StartsWith("OpenCL ", capabilities.OpenClVersion);
        Assert.StartsWith("OpenCL C ", capabilities.OpenClCVersion);
        Assert.True(capabilities.ComputeUnits > 0);
        Assert.True(capabilities.MaxWorkGroupSize > 0);
        Assert.True(capabilities.MaxWorkItemSizes.Length >= 3);
        Assert.InRange(capabilities.LocalMemoryBytes, 16 << 10, 1L << 40);
        Assert.InRange(capabilities.MaxAllocationBytes, 1L << 20, capabilities.GlobalMemoryBytes);
        Assert.Contains(capabilities.AddressBits, (int[])[32, 64]);
        Assert.NotEmpty(capabilities.Extensions);
    }

    [SkippableFact]
    public void EnumerationIsStable()
    {
        _ = fixture.Device;
        IReadOnlyList<DeviceInfo> first = ComputeDevice.Enumerate();
        IReadOnlyList<DeviceInfo> second = ComputeDevice.Enumerate();
        Assert.Equal(first.Select(device => device.ToString()), second.Select(device => device.ToString()));
        Assert.Equal(Enumerable.Range(0, first.Count), first.Select(device => device.Index));
    }

    [SkippableFact]
    public void OpensWhatIsAskedFor()
    {
        using ComputeDevice byIndex = ComputeDevice.Open(DeviceSelector.Parse($"#{fixture.Device.Info.Index}"));
        Assert.Equal(fixture.Device.ToString(), byIndex.ToString());
        using ComputeDevice byInfo = ComputeDevice.Open(fixture.Device.Info);
        Assert.Equal(fixture.Device.ToString(), byInfo.ToString());
        Assert.Throws<DeviceSelectionException>(() => ComputeDevice.Open(DeviceSelector.Parse("no such device")));
    }

    [SkippableFact]
    public void ADisposedDeviceRefusesEverything()
    {
        ComputeDevice device = DeviceFixture.OpenAnother();
        ComputeProgram program = device.Programs.GetOrBuild(Sources.Basics);
        ComputeKernel kernel = program.CreateKernel("place");
        DeviceBuffer<int> buffer = device.Allocate<int>(16);
        ComputeQueue queue = device.CreateQueue();
        kernel.Set(0, buffer);
        device.Dispose();
        device.Dispose();

        Assert.True(buffer.IsDisposed);
        Assert.True(queue.IsDisposed);
        Assert.True(device.Queue.IsDisposed);
        Assert.True(kernel.IsDisposed);
        Assert.Equal(0, device.AllocatedBytes);
        Assert.Throws<ObjectDisposedException>(() => device.Allocate<int>(1));
        Assert.Throws<ObjectDisposedException>(() => device.Upload<int>([1]));
        Assert.Throws<ObjectDisposedException>(() => device.CreateQueue());
        Assert.Throws<ObjectDisposedException>(() => device.Programs.GetOrBuild(Sources.Basics));
        Assert.Throws<ObjectDisposedException>(() => program.CreateKernel("place"));
        Assert.Throws<ObjectDisposedException>(() => kernel.Set(0, buffer));
        Assert.Throws<ObjectDisposedException>(() => queue.Submit(kernel, 16, 1));
        Assert.Throws<ObjectDisposedException>(() => queue.Read(buffer, new int[1]));
        Assert.Throws<ObjectDisposedException>(() => queue.Flush());
        Assert.Throws<ObjectDisposedException>(() => queue.Finish());
        Assert.Throws<ObjectDisposedException>(() => queue.EnqueueMarker());
    }

    [SkippableTheory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    public void AnyOrderOfDisposalWillDo(int seed)
    {
        ComputeDevice device = DeviceFixture.OpenAnother();
        ComputeProgram program = device.Programs.GetOrBuild(Sources.Basics);
        ComputeKernel kernel = program.CreateKernel("place");
        DeviceBuffer<int> buffer = device.Allocate<int>(1 << 12);
        ComputeQueue queue = device.CreateQueue();
        ComputeEvent launch = queue.Enqueue(kernel.Set(0, buffer), 1 << 12, 1);
        PinnedArray<int> data = new(1 << 12);
        ComputeEvent read = queue.EnqueueRead(buffer, data, data.Length);

        IDisposable[] all = [device, program, kernel, buffer, queue, launch, read];
        new Random(seed).Shuffle(all);
        foreach (IDisposable one in all)
        {
            one.Dispose();
        }

        // Disposing the queue, or its device, waits for what was enqueued.
        Assert.Equal(Enumerable.Range(0, 1 << 12), data.Span.ToArray());
        foreach (IDisposable one in all)
        {
            one.Dispose();
        }
    }

    [SkippableFact]
    public async Task DisposingTheDeviceEndsTheWaits()
    {
        ComputeDevice device = DeviceFixture.OpenAnother();
        using ComputeProgram program = device.Programs.GetOrBuild(Sources.Basics);
        using ComputeKernel kernel = program.CreateKernel("place");
        using DeviceBuffer<int> buffer = device.Allocate<int>(1 << 16);
        using ComputeEvent launch = device.Queue.Enqueue(kernel.Set(0, buffer), 1 << 16, 1);
        ValueTask wait = launch.AsValueTask();
        device.Dispose();
        await wait.AsTask().WaitAsync(TimeSpan.FromSeconds(30));
        Assert.True(launch.IsComplete);
    }

    [SkippableFact]
    public void ALostDeviceSaysSoFromThenOn()
    {
        using ComputeDevice device = DeviceFixture.OpenAnother();
        using DeviceBuffer<int> buffer = device.Allocate<int>(4);
        using (UserEvent command = new(device))
        {
            command.End(-9999);
            DeviceLostException e = Assert.Throws<DeviceLostException>(() => command.Event.Wait());
            Assert.Equal(-9999, e.Code);
        }

        Assert.True(device.IsLost);
        Assert.Throws<DeviceLostException>(() => device.Allocate<int>(1));
        Assert.Throws<DeviceLostException>(() => device.Queue.Read(buffer, new int[4]));
        Assert.Throws<DeviceLostException>(() => device.Queue.Finish());
        Assert.Throws<DeviceLostException>(() => device.Programs.GetOrBuild(Sources.Basics));
    }

    [SkippableFact]
    public void TwoDevicesDoNotDisturbEachOther()
    {
        using ComputeDevice another = DeviceFixture.OpenAnother();
        using DeviceBuffer<int> mine = fixture.Device.Upload<int>([1, 2, 3]);
        using DeviceBuffer<int> theirs = another.Upload<int>([4, 5, 6]);
        another.Dispose();
        int[] data = new int[3];
        fixture.Device.Queue.Read(mine, data);
        Assert.Equal([1, 2, 3], data);
    }
}
