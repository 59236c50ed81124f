namespace Kernels.OpenCL.Tests;

public sealed class NDRangeTests
{
    [Fact]
    public void NumbersAreRanges()
    {
        Assert.Equal(new NDRange((nuint)5, 1, 1), (NDRange)5);
        Assert.Equal(new NDRange(5, 6, 1), (NDRange)(5, 6));
        Assert.Equal(new NDRange(5, 6, 7), (NDRange)(5, 6, 7));
        Assert.Equal((nuint)210, new NDRange(5, 6, 7).Count);
        Assert.Equal("5x6x7", new NDRange(5, 6, 7).ToString());
    }

    [Theory]
    [InlineData(-1, 1, 1)]
    [InlineData(1, -1, 1)]
    [InlineData(1, 1, -1)]
    public void NegativeNumbersAreRefused(int x, int y, int z) => Assert.Throws<ArgumentOutOfRangeException>(() => new NDRange(x, y, z));

    [Fact]
    public void ACountThatOverflowsThrows() => Assert.Throws<OverflowException>(() => new NDRange(int.MaxValue, int.MaxValue, int.MaxValue).Count);
}
