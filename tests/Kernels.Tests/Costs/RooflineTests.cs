using Kernels.Costs;

namespace Kernels.Tests;

public sealed class RooflineTests
{
    [Fact]
    public void Time_is_the_longer_of_arithmetic_and_memory()
    {
        var device = new Roofline("a device", FlopsPerSecond: 100e9, BytesPerSecond: 20e9);
        Assert.Equal(5, device.Ridge);
        Assert.Equal(2, device.GetSeconds(new WorkCost(1e9, 40_000_000_000)));
        Assert.Equal(3, device.GetSeconds(new WorkCost(300e9, 1_000_000_000)));
        Assert.True(device.IsMemoryBound(new WorkCost(499, 100)));
        Assert.False(device.IsMemoryBound(new WorkCost(500, 100)));
        Assert.Equal(40e9, device.GetAttainableFlopsPerSecond(2), tolerance: 1);
        Assert.Equal(100e9, device.GetAttainableFlopsPerSecond(50), tolerance: 1);
    }

    [Theory]
    [InlineData(1, 2, 3)]
    [InlineData(0.75, 2.25, 3.5)]
    [InlineData(0, 3, 5)]
    public void What_does_not_overlap_adds_to_the_time(double overlap, double memoryBound, double arithmeticBound)
    {
        Roofline device = new Roofline("a device", FlopsPerSecond: 100e9, BytesPerSecond: 20e9) { Overlap = overlap };
        Assert.Equal(memoryBound, device.GetSeconds(new WorkCost(100e9, 40_000_000_000)), 1e-9);
        Assert.Equal(arithmeticBound, device.GetSeconds(new WorkCost(300e9, 40_000_000_000)), 1e-9);
        Assert.Equal(100e9 / memoryBound, device.GetAttainableFlopsPerSecond(2.5), 1);
        Assert.Equal(5, device.Ridge);
    }

    [Fact]
    public void Between_two_measurements_rates_are_their_means()
    {
        var before = new Roofline("a device", 100, 20, 7) { Overlap = 1 };
        Assert.Equal(
            new Roofline("a device", 75, 15, 7)
            {
                Overlap = 0.75,
            }, Roofline.Mean(before, new Roofline("a device", 50, 10, 7) { Overlap = 0.5 }));
    }

    [Fact]
    public void Costs_add_up()
    {
        WorkCost sum = (new WorkCost(3, 4) * 2) + new WorkCost(1, 6);
        Assert.Equal(new WorkCost(7, 14), sum);
        Assert.Equal(0.5, sum.Intensity);
        Assert.Equal(0, default(WorkCost).Intensity);
        Assert.Throws<OverflowException>(() => new WorkCost(0, long.MaxValue) * 2);
    }

    [Fact]
    public void Known_devices_are_found_and_have_figures()
    {
        Assert.All(KnownDevice.All, device =>
        {
            Assert.Same(device, KnownDevice.Find(device.Name.ToLowerInvariant()));
            Assert.True(device.MatrixFlopsPerSecond > device.VectorFlopsPerSecond && device.VectorFlopsPerSecond > 1e12);
            Assert.InRange(device.BytesPerSecond, 500e9, 20e12);
            Assert.NotEmpty(device.Source);
        });
        Assert.Equal("RTX 4090", KnownDevice.Find("rtx4090")?.Name);
        Assert.Null(KnownDevice.Find("abacus"));

        // An H200's ridge in 16 bits: 989.5 TFLOP/s over 4.8 TB/s.
        Assert.Equal(206.1, KnownDevice.Find("H200")!.RooflineFor(ElementType.BFloat16).Ridge, 0.1);
        Assert.Equal(67e12, KnownDevice.Find("H200")!.RooflineFor(ElementType.Float32).FlopsPerSecond);
    }
}
