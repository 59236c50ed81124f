using CsCheck;

namespace Kernels.Tests;

public sealed class BFloat16Tests
{
    [Fact]
    public void EveryValueSurvivesTheWayThroughFloat()
    {
        for (int bits = 0; bits <= ushort.MaxValue; bits++)
        {
            BFloat16 value = BFloat16.FromBits((ushort)bits);
            BFloat16 again = (BFloat16)(float)value;
            Assert.True(float.IsNaN(value) ? float.IsNaN(again) : again.ToBits() == bits, $"0x{bits:X4}");
        }
    }

    [Fact]
    public void RoundsToTheNearestAndTiesToEven() => Gen.UInt.Sample(bits =>
    {
        float value = BitConverter.UInt32BitsToSingle(bits);
        if (!float.IsFinite(value))
        {
            return;
        }

        // The neighbours of a number are the truncated pattern and the next one away from zero; beyond the largest comes infinity, which
        // stands for 2^128 here.
        ushort below = (ushort)(bits >> 16);
        double low = Math.Abs((double)(float)BFloat16.FromBits(below));
        float next = Math.Abs((float)BFloat16.FromBits((ushort)(below + 1)));
        double high = float.IsFinite(next) ? next : Math.ScaleB(1, 128);
        double magnitude = Math.Abs((double)value);
        double toLow = magnitude - low, toHigh = high - magnitude;
        int expected = toLow < toHigh || (toLow == toHigh && below % 2 == 0) ? below : below + 1;
        Assert.Equal(expected, ((BFloat16)value).ToBits());
    }, iter: 200_000);

    [Theory]
    [InlineData(0x3F808000u, 0x3F80)] // 1 and half a step: down to even.
    [InlineData(0x3F818000u, 0x3F82)] // up to even.
    [InlineData(0x3F808001u, 0x3F81)]
    [InlineData(0x7F7FFFFFu, 0x7F80)] // The largest float32 rounds to infinity.
    [InlineData(0x7F800000u, 0x7F80)]
    [InlineData(0xFF800000u, 0xFF80)]
    [InlineData(0x80000000u, 0x8000)]
    [InlineData(0x00000001u, 0x0000)]
    public void RoundsAsDefined(uint bits, int expected) =>
        Assert.Equal(expected, ((BFloat16)BitConverter.UInt32BitsToSingle(bits)).ToBits());

    [Theory]
    [InlineData(0x7F800001u)] // Its upper half alone would be infinity.
    [InlineData(0xFFFFFFFFu)]
    public void NaNStaysNaN(uint bits) => Assert.True(float.IsNaN((BFloat16)BitConverter.UInt32BitsToSingle(bits)));

    [Fact]
    public void ComparesAsNumbers()
    {
        BFloat16 zero = BFloat16.FromBits(0), minusZero = BFloat16.FromBits(0x8000), nan = BFloat16.FromBits(0x7FC0),
            otherNaN = BFloat16.FromBits(0x7FC1);
        Assert.True(zero == minusZero);
        Assert.Equal(zero.GetHashCode(), minusZero.GetHashCode());
        Assert.True(nan != otherNaN);
        Assert.True(nan.Equals(otherNaN));
        Assert.Equal("1.5", ((BFloat16)1.5f).ToString());
    }
}
