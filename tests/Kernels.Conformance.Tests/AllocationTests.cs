using Kernels.OpenCL;

namespace Kernels.Conformance.Tests;

/// <summary>A decode step makes no garbage once it is warm.</summary>
[Collection(nameof(AllocationTests))]
public sealed class AllocationTests(DeviceFixture fixture) : IClassFixture<DeviceFixture>
{
    private const int Rounds = 50;

    [SkippableTheory]
    [InlineData(0, 40, TuningMode.Off)]
    [InlineData(16, 40, TuningMode.On)] // Not measured: no prompt is long.
    [InlineData(0, 3000, TuningMode.Off)] // Long enough for keys to be split and merged.
    public void DecodeStepAllocatesNothing(int pageSize, int keys, TuningMode tuning)
    {
        AttentionShape shape = CaseMatrix.Shape(8, 2, 64, 64, AttentionMask.Causal, ElementType.Float32, ElementType.Float32, KvLayout.Hnd)
            with { PageSize = pageSize };
        using ComputeDevice device = ComputeDevice.Open(
            fixture.Device.Info, new() { Tuning = tuning, ProgramCache = new() { UseDisk = false } });
        using AttentionLauncher<RuntimeSpec, float> launcher = new(device, RuntimeSpec.Describe(shape));
        using IKvCache<RuntimeSpec> cache = pageSize == 0 ? launcher.CreateCache(2, keys + 1, 1) : Paged(launcher, keys, pageSize);
        using AttentionPlan<RuntimeSpec> plan = launcher.CreatePlan();
        using DeviceBuffer<float> queries = device.Upload<float>(new float[2 * 8 * 64]), news = device.Upload<float>(new float[2 * 2 * 64]);
        using DeviceBuffer<float> outputs = device.Allocate<float>(2 * 8 * 64);
        device.Queue.EnqueueFill(cache.GetKeys(0), (byte)0, 0, cache.GetKeys(0).Length).Dispose();
        device.Queue.EnqueueFill(cache.GetValues(0), (byte)0, 0, cache.GetValues(0).Length).Dispose();
        SequenceHandle[] s = cache.AddSequences(2);
        AttentionRequest[] requests = [new(s[0], 1, keys + 1), new(s[1], 1, keys + 1)];
        cache.Extend(s[0], keys);
        cache.Extend(s[1], keys);
        cache.MarkWritten(s[0]);
        cache.MarkWritten(s[1]);
        for (int i = 0; i < Rounds; i++)
        {
            Step();
        }

        device.Queue.Finish();
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < Rounds; i++)
        {
            Step();
        }

        long bytes = GC.GetAllocatedBytesForCurrentThread() - before;
        device.Queue.Finish();
        Assert.True(bytes == 0, $"{bytes} bytes in {Rounds} steps");

        void Step()
        {
            cache.Extend(s[0], 1);
            cache.Extend(s[1], 1);
            plan.Build(cache, requests);
            launcher.EnqueueAppend(plan, cache, 0, news, news).Dispose();
            launcher.EnqueueAttend(plan, cache, 0, queries, outputs).Dispose();
            cache.Truncate(s[0], keys);
            cache.Truncate(s[1], keys);
        }
    }

    private static PagedKvCache<RuntimeSpec> Paged(AttentionLauncher<RuntimeSpec, float> launcher, int keys, int pageSize)
    {
        PagedKvCache<RuntimeSpec> cache = launcher.CreatePagedCache(2 * ((keys / pageSize) + 2), 1);
        return cache;
    }
}
