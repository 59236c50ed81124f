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
    public void WhatDevicesCannotCountIsNamed()
    {
        ulong most = int.MaxValue, words = uint.MaxValue;
        NDRange local = new(64, 2, 1);
        Assert.Null(new NDRange((nuint)(most * 64), (nuint)(most * 2), (nuint)most).Excess(local, 64));
        Assert.StartsWith(
            "2147483648 work-groups along dimension 0", new NDRange((nuint)((most + 1) * 64), 2).Excess(local, 64),
            StringComparison.Ordinal);
        Assert.StartsWith(
            "2147483648 work-groups along dimension 1", new NDRange(64, (nuint)((most + 1) * 2)).Excess(local, 64),
            StringComparison.Ordinal);
        Assert.StartsWith(
            "2147483648 work-groups along dimension 2", new NDRange(64, 2, (nuint)(most + 1)).Excess(local, 64), StringComparison.Ordinal);

        // Fewer work-groups, and still more work-items than 32 bits count.
        NDRange large = new((nuint)(words + 1), 2);
        Assert.Null(large.Excess(local, 64));
        Assert.Null(new NDRange((nuint)(words - 63), 2).Excess(local, 32));
        Assert.StartsWith("4294967296 work-items along dimension 0", large.Excess(local, 32), StringComparison.Ordinal);
    }

    [Fact]
    public void ACountThatOverflowsThrows() =>
        Assert.Throws<OverflowException>(() => new NDRange(int.MaxValue, int.MaxValue, int.MaxValue).Count);
}
