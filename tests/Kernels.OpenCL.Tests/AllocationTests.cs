namespace Kernels.OpenCL.Tests;

/// <summary>The decode path makes no garbage once it is warm.</summary>
[Collection(nameof(AllocationTests))]
public sealed class AllocationTests(DeviceFixture fixture) : IClassFixture<DeviceFixture>
{
    private const int Rounds = 200;

    private ComputeQueue Queue => fixture.Device.Queue;

    [SkippableFact]
    public void SettingAndSubmittingAllocatesNothing()
    {
        using Launch launch = new(fixture);
        Assert.Equal(0, Measure(i => Queue.Submit(launch.Prepare(i), 64, 1)));
    }

    [SkippableFact]
    public void EventsAllocateNothing()
    {
        using Launch launch = new(fixture);
        Assert.Equal(0, Measure(i =>
        {
            using ComputeEvent e = Queue.Enqueue(launch.Prepare(i), 64, 1);
            _ = e.IsComplete;
        }));
        Assert.Equal(0, Measure(i =>
        {
            using ComputeEvent e = Queue.Enqueue(launch.Prepare(i), 64, 1);
            e.Wait();
            _ = e.GetTimes();
        }));
    }

    [SkippableFact]
    public void WaitingWithATokenAllocatesNothing()
    {
        using Launch launch = new(fixture);
        using CancellationTokenSource never = new();
        long bytes = Measure(i =>
        {
            using ComputeEvent e = Queue.Enqueue(launch.Prepare(i), 64, 1);
            e.Wait(never.Token);
        });

        // Waiters come back to their pool from another thread: now and then a new one is made. .NET's own wait may allocate when it really
        // blocks.
        Assert.InRange(bytes, 0, Rounds * 400);
    }

    [SkippableFact]
    public void TransfersAllocateNothing()
    {
        using Launch launch = new(fixture);
        PinnedArray<float> staging = new(64);
        Assert.Equal(0, Measure(i =>
        {
            staging[0] = i;
            Queue.SubmitWrite(launch.A, staging, 64);
            Queue.SubmitCopy(launch.A, 0, launch.B, 0, 32);
            Queue.SubmitFill(launch.B, 1f, 32, 32);
            using ComputeEvent e = Queue.EnqueueRead(launch.B, staging, 64);
            e.Wait();
        }));
        Assert.Equal(0, Measure(_ =>
        {
            Span<float> data = stackalloc float[4];
            Queue.Write(launch.A, data);
            Queue.Read(launch.B, data);
        }));
    }

    private long Measure(Action<int> round)
    {
        for (int i = 0; i < Rounds; i++)
        {
            round(i);
        }

        Queue.Finish();
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < Rounds; i++)
        {
            round(i);
        }

        long bytes = GC.GetAllocatedBytesForCurrentThread() - before;
        Queue.Finish();
        return bytes;
    }

    private sealed class Launch(DeviceFixture fixture) : IDisposable
    {
        public DeviceBuffer<float> A { get; } = fixture.Device.Upload<float>(new float[64]);

        public DeviceBuffer<float> B { get; } = fixture.Device.Allocate<float>(64);

        private readonly ComputeKernel kernel = fixture.Kernel("scale");

        // Every argument really changes from one launch to the next.
        public ComputeKernel Prepare(int round) =>
            kernel.Set(0, round % 2 == 0 ? A : B).Set(1, round % 2 == 0 ? B : A).Set(2, (float)round).Set(3, 32 + (round % 2));

        public void Dispose()
        {
            A.Dispose();
            B.Dispose();
            kernel.Dispose();
        }
    }
}
