using Kernels.Benchmarks.Compare;

namespace Kernels.Benchmarks.Tests;

public sealed class StatisticsTests
{
    [Theory]
    [InlineData(new double[] { 3 }, 3)]
    [InlineData(new double[] { 9, 1, 2 }, 2)]
    [InlineData(new double[] { 4, 1, 100, 2 }, 3)]
    public void TheMedianIsTheMiddle(double[] values, double expected) => Assert.Equal(expected, Statistics.Median(values));

    [Fact]
    public void NoValuesHaveNoMedian() => Assert.Throws<ArgumentException>(() => Statistics.Median([]));

    [Fact]
    public void AProcessCountsOnceHoweverManySamplesItTook()
    {
        double[][] processes = [[1, 1, 1, 1, 1, 1, 1], [2], [4, 3, 5]];
        Assert.Equal(2, Statistics.MedianOfMedians(processes));
        Assert.Equal((4.0 - 1) / 2 / 2, Statistics.Spread(processes));
    }
}
