using Kernels.Benchmarks.Compare;
using Kernels.Benchmarks.Host;
using Kernels.OpenCL;

namespace Kernels.Benchmarks.Tests;

/// <summary>What steps cost the host is measured; how much it is, is no test.</summary>
public sealed class HostTests
{
    [SkippableFact]
    public void EveryCallHasATime()
    {
        CpuDevice.Require();
        using var device = ComputeDevice.Open(DeviceSelector.Parse("cpu"), new ComputeDeviceOptions { Tuning = TuningMode.Off });
        TextTable table = HostCommand.Measure(device, steps: 2);
        Assert.Equal(4, table.Rows.Count);
        Assert.All(table.Rows, row => Assert.All(row.Skip(1), time => Assert.Matches("^[0-9.]+ (µs|ms)$", time)));
    }

    [Fact]
    public void PagesComeBack()
    {
        var pages = new PageBenchmarks();
        pages.Fill();
        for (int i = 0; i < 1000; i++)
        {
            pages.CreateExtendRelease();
            pages.ExtendByTwo();
            pages.ForkRelease();
            pages.ForkExtendRelease();
        }
    }
}
