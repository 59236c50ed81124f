using Xunit;

namespace Kernels.Decoding.Tests;

public sealed class RopeTableTests
{
    private static readonly RopeConfig Plain = new() { RotaryDim = 64, Theta = 500000 };

    [Fact]
    public void FrequenciesFallGeometrically()
    {
        double[] frequencies = RotaryTable.Frequencies(Plain);

        Assert.Equal(32, frequencies.Length);
        Assert.Equal(1, frequencies[0]);
        Assert.All(Enumerable.Range(1, 31), i => Assert.Equal(Math.Pow(500000, -1.0 / 32), frequencies[i] / frequencies[i - 1], 12));
    }

    [Fact]
    public void LinearScalingDividesAllFrequencies()
    {
        double[] stretched = RotaryTable.Frequencies(Plain with { Scaling = RopeScaling.Linear, Factor = 4 });

        Assert.Equal(RotaryTable.Frequencies(Plain).Select(f => f / 4), stretched);
    }

    /// <summary>The rule of Llama 3 as its authors publish it, by wavelength.</summary>
    [Fact]
    public void Llama3ScalingKeepsShortWavelengthsAndStretchesLongOnes()
    {
        double[] plain = RotaryTable.Frequencies(Plain);
        double[] stretched = RotaryTable.Frequencies(Plain with
        {
            Scaling = RopeScaling.Llama3, Factor = 8, LowFrequencyFactor = 1, HighFrequencyFactor = 4, OriginalPositions = 8192,
        });
        int kept = 0;
        int full = 0;
        int blended = 0;
        for (int i = 0; i < plain.Length; i++)
        {
            double wavelength = 2 * Math.PI / plain[i];
            if (wavelength < 8192.0 / 4)
            {
                Assert.Equal(plain[i], stretched[i], 15);
                kept++;
            }
            else if (wavelength > 8192.0 / 1)
            {
                Assert.Equal(plain[i] / 8, stretched[i], 15);
                full++;
            }
            else
            {
                double smooth = ((8192 / wavelength) - 1) / (4 - 1);
                Assert.Equal(((1 - smooth) * plain[i] / 8) + (smooth * plain[i]), stretched[i], 15);
                blended++;
            }
        }

        Assert.True(kept > 0 && full > 0 && blended > 0, $"{kept} kept, {full} stretched, {blended} blended");
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void YarnKeepsFastDimensionsAndStretchesSlowOnes(bool truncate)
    {
        RopeConfig config = Plain with
        {
            Theta = 10000,
            Scaling = RopeScaling.Yarn,
            Factor = 4,
            OriginalPositions = 4096,
            TruncateBounds = truncate,
        };
        double[] plain = RotaryTable.Frequencies(config with { Scaling = RopeScaling.None });
        double[] stretched = RotaryTable.Frequencies(config);

        // The bounds where a dimension makes 32 turns and 1 turn over the original positions: pairs 10.47 and 22.51.
        double low = Bound(32);
        double high = Bound(1);
        Assert.Equal((10, 22), ((int)low, (int)high));
        if (truncate)
        {
            (low, high) = (10, 23);
        }

        for (int i = 0; i < plain.Length; i++)
        {
            double ramp = i <= low ? 0 : i >= high ? 1 : (i - low) / (high - low);
            Assert.Equal((plain[i] / 4 * ramp) + (plain[i] * (1 - ramp)), stretched[i], 15);
        }

        Assert.Equal(plain[..11], stretched[..11]);
        Assert.Equal(plain[23..].Select(f => f / 4), stretched[23..]);

        static double Bound(double turns) => 64 * Math.Log(4096 / (turns * 2 * Math.PI)) / (2 * Math.Log(10000));
    }

    [Fact]
    public void YarnWithAFactorOfOneChangesNothing()
    {
        double[] plain = RotaryTable.Frequencies(Plain);
        double[] same = RotaryTable.Frequencies(Plain with { Scaling = RopeScaling.Yarn, Factor = 1, OriginalPositions = 4096 });

        Assert.All(Enumerable.Range(0, plain.Length), i => Assert.Equal(plain[i], same[i], 15));
    }
}
