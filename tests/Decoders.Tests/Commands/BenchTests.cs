using Kernels.OpenCL;
using Xunit;

namespace Decoders.Tests;

[Collection(DeviceCollection.Name)]
public sealed class BenchTests(Devices devices)
{
    [SkippableFact]
    public void MeasuresEveryKernel()
    {
        using var benchmark = new LayerBenchmark(devices.OpenFirst(), rows: 256, columns: 128);
        KernelSpeed[] speeds = [.. benchmark.Run()];
        Assert.Equal(
            ["linear, Float16", "linear, BFloat16", "linear, Q8_0", "linear, Q4_0", "linear, MXFP4", "rms norm", "rope", "gate, silu"],
            speeds.Select(speed => speed.Kernel).Distinct());
        Assert.All(speeds, speed => Assert.True(speed.Seconds > 0 && speed.Bytes > 0, $"{speed}"));
        KernelSpeed one = speeds[0];
        Assert.Equal((2 * 256 * 128) + (4 * (256 + 128)), one.Bytes);
        Assert.Equal(2 * 256 * 128, one.Flops);
    }

    [Fact]
    public void AShareIsOfWhatLimits()
    {
        var device = new DeviceProfile { Device = "any", ReadBytesPerSecond = 10, Float32FlopsPerSecond = 100 };
        Assert.Equal(0.5, new KernelSpeed("reads", "", Seconds: 2, Bytes: 10, Flops: 10).ShareOf(device));
        Assert.Equal(0.25, new KernelSpeed("computes", "", Seconds: 4, Bytes: 1, Flops: 100).ShareOf(device));
    }

    [SkippableFact]
    public void TellsWhereTheTimeOfAStepGoes()
    {
        ComputeDevice device = devices.OpenFirst();
        using Decoder decoder = Decoder.Load(device, TestData.Folder("stories-gqa"), sequences: 2, capacity: 32 + ModelBenchmark.Growth);
        StepSpeed[] steps = [.. ModelBenchmark.Run(decoder, 32, [1, 2], new LaunchTimes(device.Queue))];
        Assert.Equal([("prefill", 32), ("decode, batch 1", 1), ("decode, batch 2", 2)], steps.Select(step => (step.Step, step.Tokens)));
        Assert.All(steps, step =>
        {
            Assert.True(step.Seconds > 0);
            Assert.InRange(step.Linear, 0.01, 0.99);
            Assert.InRange(step.Layers, 0.001, 0.99);
            Assert.InRange(step.Attention, 0.001, 0.99);
        });
    }
}
