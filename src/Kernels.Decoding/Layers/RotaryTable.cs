using Kernels.OpenCL;

namespace Kernels.Decoding;

/// <summary>Which elements of a head rotate together.</summary>
public enum RopePairs
{
    /// <summary>Element i with element i + half of the rotated ones.</summary>
    HalfSplit,

    /// <summary>Element 2i with element 2i + 1.</summary>
    Interleaved,
}

/// <summary>The cosines and sines of rotary position embedding on the device, for positions from 0 on.</summary>
public sealed class RotaryTable : IDisposable
{
    private RotaryTable(DeviceRopeTable onDevice) => OnDevice = onDevice;

    /// <summary>The table as attention kernels take it.</summary>
    public DeviceRopeTable OnDevice { get; }

    /// <summary>Positions that the table has.</summary>
    public int Positions => OnDevice.Positions;

    /// <summary>Elements of a head that are rotated.</summary>
    public int RotaryDim => OnDevice.RotaryDim;

    /// <summary>The table: float32 [positions, rotary dimensions / 2, (cosine, sine)].</summary>
    public DeviceBuffer<float> Values => OnDevice.Values;

    /// <summary>Computes the table in double precision and uploads it.</summary>
    /// <param name="device">The device.</param>
    /// <param name="config">The parameters.</param>
    /// <param name="positions">Positions, from 0.</param>
    public static RotaryTable Create(ComputeDevice device, RopeConfig config, int positions)
    {
        double[] frequencies = Frequencies(config);
        long elements = 2L * positions * frequencies.Length;
        if (positions < 0 || elements > Array.MaxLength)
        {
            throw new ArgumentOutOfRangeException(
                nameof(positions), positions, $"The table would have {elements} elements ({positions} positions × {2L * frequencies.Length}); it can have {Array.MaxLength}.");
        }

        var values = new float[elements];
        int next = 0;
        for (int position = 0; position < positions; position++)
        {
            foreach (double frequency in frequencies)
            {
                (double sine, double cosine) = Math.SinCos(position * frequency);
                values[next++] = (float)(cosine * config.AttentionFactor);
                values[next++] = (float)(sine * config.AttentionFactor);
            }
        }

        return new RotaryTable(new DeviceRopeTable(device.Upload<float>(values), positions, config.RotaryDim));
    }

    /// <summary>The angle in radians by which each pair of elements turns from one position to the next.</summary>
    public static double[] Frequencies(RopeConfig config)
    {
        var frequencies = new double[config.RotaryDim / 2];
        for (int pair = 0; pair < frequencies.Length; pair++)
        {
            double frequency = Math.Pow(config.Theta, -2.0 * pair / config.RotaryDim);
            double kept = config.Scaling switch
            {
                RopeScaling.None => 1,
                RopeScaling.Linear => 0,
                RopeScaling.Llama3 => KeptByWavelength(config, 2 * Math.PI / frequency),
                RopeScaling.Yarn => KeptByDimension(config, pair),
                _ => throw new ArgumentException($"Not a scaling of rope: {config.Scaling}.", nameof(config)),
            };
            frequencies[pair] = frequency * (kept + ((1 - kept) / config.Factor));
        }

        return frequencies;
    }

    /// <summary>Frees the device memory.</summary>
    public void Dispose() => OnDevice.Dispose();

    // The part of a frequency that is kept, not stretched: 1 for short wavelengths, 0 for long ones.
    private static double KeptByWavelength(RopeConfig config, double wavelength) =>
        Math.Clamp(
            ((config.OriginalPositions / wavelength) - config.LowFrequencyFactor) / (config.HighFrequencyFactor - config.LowFrequencyFactor),
            0,
            1);

    private static double KeptByDimension(RopeConfig config, int pair)
    {
        double low = DimensionOf(config.BetaFast);
        double high = DimensionOf(config.BetaSlow);
        if (config.TruncateBounds)
        {
            low = Math.Floor(low);
            high = Math.Ceiling(high);
        }

        low = Math.Max(low, 0);
        high = Math.Min(high, config.RotaryDim - 1);

        // Bounds that meet would divide by zero.
        return 1 - Math.Clamp((pair - low) / (high > low ? high - low : 0.001), 0, 1);

        // The dimension that makes this many turns over the original positions.
        double DimensionOf(double turns) =>
            config.RotaryDim * Math.Log(config.OriginalPositions / (turns * 2 * Math.PI)) / (2 * Math.Log(config.Theta));
    }
}
