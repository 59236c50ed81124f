namespace Kernels;

/// <summary>
/// Cosines and sines of rotary position embedding, for positions from 0 on: what a spec with
/// <see cref="AttentionKernelAttribute.Rope"/> is given at launch. Calculated in double precision, rounded once.
/// </summary>
public sealed class RopeTable
{
    private readonly float[] values;

    /// <summary>A table of frequencies of one's own.</summary>
    /// <param name="positions">Positions, from 0.</param>
    /// <param name="frequencies">
    /// The angle in radians by which each pair of elements turns from one position to the next; rotary dimension / 2 of them.
    /// </param>
    /// <param name="magnitude">A factor on all cosines and sines.</param>
    /// <exception cref="ArgumentException">There is no frequency.</exception>
    /// <exception cref="ArgumentOutOfRangeException">
    /// There are no positions, or so many that the table has more elements than an array can.
    /// </exception>
    public RopeTable(int positions, ReadOnlySpan<double> frequencies, double magnitude = 1)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(positions);
        if (frequencies.IsEmpty)
        {
            throw new ArgumentException("Expected a frequency for each pair of elements, got none.", nameof(frequencies));
        }

        long elements = 2L * positions * frequencies.Length;
        if (elements > Array.MaxLength)
        {
            throw new ArgumentOutOfRangeException(
                nameof(positions), positions,
                $"The table would have {elements} elements ({positions} positions × {2L * frequencies.Length}); "
                + $"it can have {Array.MaxLength}.");
        }

        Positions = positions;
        RotaryDim = 2 * frequencies.Length;
        values = new float[elements];
        int next = 0;
        for (int position = 0; position < positions; position++)
        {
            foreach (double frequency in frequencies)
            {
                (double sine, double cosine) = Math.SinCos(position * frequency);
                values[next++] = (float)(magnitude * cosine);
                values[next++] = (float)(magnitude * sine);
            }
        }
    }

    /// <summary>Positions that the table has.</summary>
    public int Positions { get; }

    /// <summary>Elements of a head that turn.</summary>
    public int RotaryDim { get; }

    /// <summary>The table, to be uploaded: [positions, rotary dimension / 2, (cosine, sine)].</summary>
    public ReadOnlySpan<float> Values => values;

    /// <summary>Frequencies θ^(−2i / rotary dimension), as in the paper.</summary>
    /// <param name="positions">Positions, from 0.</param>
    /// <param name="rotaryDim">Elements of a head that turn; even.</param>
    /// <param name="theta">The base.</param>
    public static RopeTable Plain(int positions, int rotaryDim, double theta = 10000) => new(positions, Frequencies(rotaryDim, theta));

    /// <summary>Positions are divided by a factor, so that a model reaches as many times as far.</summary>
    /// <param name="positions">Positions, from 0.</param>
    /// <param name="rotaryDim">Elements of a head that turn; even.</param>
    /// <param name="theta">The base.</param>
    /// <param name="factor">How many times as far.</param>
    public static RopeTable Linear(int positions, int rotaryDim, double theta, double factor)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(factor);
        return new(positions, Array.ConvertAll(Frequencies(rotaryDim, theta), frequency => frequency / factor));
    }

    /// <summary>
    /// YaRN: frequencies that turn often over the original positions are kept, slow ones are divided by the factor, those between
    /// are blended; cosines and sines are multiplied with m(mscale) / m(mscale of all dimensions). DeepSeek's score scale has
    /// a factor m(mscale of all dimensions)² besides, which is the spec's: see <see cref="YarnScaling.Magnitude(double)"/>.
    /// </summary>
    /// <param name="positions">Positions, from 0.</param>
    /// <param name="rotaryDim">Elements of a head that turn; even.</param>
    /// <param name="theta">The base.</param>
    /// <param name="scaling">The model's parameters.</param>
    public static RopeTable Yarn(int positions, int rotaryDim, double theta, YarnScaling scaling)
    {
        ArgumentNullException.ThrowIfNull(scaling);
        double low = PairThatTurns(scaling.BetaFast), high = PairThatTurns(scaling.BetaSlow);
        if (scaling.Truncate)
        {
            (low, high) = (Math.Floor(low), Math.Ceiling(high));
        }

        low = Math.Max(low, 0);
        high = Math.Min(high, rotaryDim - 1);
        double[] frequencies = Frequencies(rotaryDim, theta);
        for (int pair = 0; pair < frequencies.Length; pair++)
        {
            // Bounds that meet are a step.
            double stretched = Math.Clamp((pair - low) / Math.Max(high - low, 0.001), 0, 1);
            frequencies[pair] *= 1 - stretched + (stretched / scaling.Factor);
        }

        return new(positions, frequencies, scaling.Magnitude(scaling.Mscale) / scaling.Magnitude(scaling.MscaleAllDim));

        // The pair, between two of them, that turns this many times over the original positions.
        double PairThatTurns(double turns) =>
            rotaryDim * Math.Log(scaling.OriginalPositions / (turns * 2 * Math.PI)) / (2 * Math.Log(theta));
    }

    private static double[] Frequencies(int rotaryDim, double theta)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(theta);
        if (rotaryDim < 2 || rotaryDim % 2 != 0)
        {
            throw new ArgumentException($"Expected an even number of elements, 2 or more, got {rotaryDim}.", nameof(rotaryDim));
        }

        return [.. Enumerable.Range(0, rotaryDim / 2).Select(pair => Math.Pow(theta, -2.0 * pair / rotaryDim))];
    }
}
