using Kernels.OpenCL;

namespace Kernels.Decoding;

/// <summary>The cosines and sines of rotary position embedding on the device, for positions from 0 on.</summary>
internal sealed class RotaryTable : IDisposable
{
    private RotaryTable(DeviceRopeTable onDevice, int longBegin) => (OnDevice, LongBegin) = (onDevice, longBegin);

    /// <summary>The table as attention kernels take it.</summary>
    public DeviceRopeTable OnDevice { get; }

    /// <summary>Positions that the table has, those for long texts counted besides.</summary>
    public int Positions => OnDevice.Positions;

    /// <summary>
    /// The row of position 0 of long texts, where these turn otherwise than short ones (<see cref="RopeScaling.LongRope"/>); else 0.
    /// </summary>
    public int LongBegin { get; }

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
        // Short texts have no positions from the original ones on.
        int longBegin = DependsOnLength(config, positions) ? config.OriginalPositions : 0;
        long rows = (long)longBegin + positions;
        long elements = rows * config.RotaryDim;
        if (positions < 0 || elements > Array.MaxLength)
        {
            throw new ArgumentOutOfRangeException(
                nameof(positions), positions,
                $"The table would have {elements} elements ({rows} positions × {config.RotaryDim}); it can have {Array.MaxLength}.");
        }

        var values = new float[elements];
        Fill(values.AsSpan(0, longBegin * config.RotaryDim), isLong: false);
        Fill(values.AsSpan(longBegin * config.RotaryDim), isLong: longBegin > 0);
        return new RotaryTable(new DeviceRopeTable(device.Upload<float>(values), (int)rows, config.RotaryDim), longBegin);

        void Fill(Span<float> target, bool isLong)
        {
            double[] frequencies = Frequencies(config, isLong);
            int next = 0;
            for (int position = 0; next < target.Length; position++)
            {
                foreach (double frequency in frequencies)
                {
                    (double sine, double cosine) = Math.SinCos(position * frequency);
                    target[next++] = (float)(cosine * config.AttentionFactor);
                    target[next++] = (float)(sine * config.AttentionFactor);
                }
            }
        }
    }

    /// <summary>Whether texts of up to this many tokens turn by different angles, short ones and long ones.</summary>
    public static bool DependsOnLength(RopeConfig config, int positions) =>
        config.Scaling == RopeScaling.LongRope && positions > config.OriginalPositions;

    /// <summary>The angle in radians by which each pair of elements turns from one position to the next.</summary>
    /// <param name="config">The parameters.</param>
    /// <param name="isLong">Whether the text has more tokens than the original positions.</param>
    public static double[] Frequencies(RopeConfig config, bool isLong = false)
    {
        var frequencies = new double[config.RotaryDim / 2];
        for (int pair = 0; pair < frequencies.Length; pair++)
        {
            double frequency = Math.Pow(config.Theta, -2.0 * pair / config.RotaryDim);
            if (config.Scaling == RopeScaling.LongRope)
            {
                frequencies[pair] = frequency / (isLong ? config.LongFactors! : config.ShortFactors!)[pair];
                continue;
            }

            double kept = config.Scaling switch
            {
                RopeScaling.None or RopeScaling.Dynamic => 1,
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
            ((config.OriginalPositions / wavelength) - config.LowFrequencyFactor)
                / (config.HighFrequencyFactor - config.LowFrequencyFactor),
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
