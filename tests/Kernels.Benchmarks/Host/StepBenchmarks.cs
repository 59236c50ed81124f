using BenchmarkDotNet.Attributes;
using Kernels.OpenCL;

namespace Kernels.Benchmarks.Host;

/// <summary>What a decode step of 16 sequences costs the host: planned once, two kernels enqueued for each layer.</summary>
[MemoryDiagnoser]
public class StepBenchmarks
{
    // Enqueued in one go, after which the device catches up: how long a queue may grow is not what is measured.
    private const int Layers = 512;

    private ComputeDevice device = null!;
    private IHostStep step = null!;

    /// <summary>Whether the cache is in pages of 16.</summary>
    [Params(false, true)]
    public bool Paged { get; set; }

    [GlobalSetup]
    public void Open()
    {
        device = ComputeDevice.Open(options: new ComputeDeviceOptions { Tuning = TuningMode.Off });
        step = Paged ? HostStep.Paged(device) : HostStep.Contiguous(device);
    }

    [GlobalCleanup]
    public void Close()
    {
        step.Dispose();
        device.Dispose();
    }

    [IterationCleanup]
    public void CatchUp() => step.Finish();

    /// <summary>A plan is uploaded, and the third upload waits for the first.</summary>
    [Benchmark(OperationsPerInvoke = Layers)]
    public void Plan()
    {
        for (int i = 0; i < Layers; i++)
        {
            step.Plan();
        }
    }

    [Benchmark(OperationsPerInvoke = Layers)]
    public void SubmitAppend()
    {
        for (int i = 0; i < Layers; i++)
        {
            step.SubmitAppend();
        }
    }

    [Benchmark(OperationsPerInvoke = Layers)]
    public void SubmitAttend()
    {
        for (int i = 0; i < Layers; i++)
        {
            step.SubmitAttend();
        }
    }
}
