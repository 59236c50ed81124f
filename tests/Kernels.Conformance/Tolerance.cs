namespace Kernels.Conformance;

/// <summary>
/// How far an output may be from the reference, by storage type: the rules of the well-known attention libraries' test suites.
/// </summary>
internal static class Tolerance
{
    /// <summary>Relative error ‖out − ref‖ / ‖ref‖ in float32.</summary>
    private const double Norm = 1e-5;

    /// <summary>
    /// Error of an LSE, absolute below 1 and relative above. Tensor cores take queries in the storage type, so that those which rope has
    /// turned are rounded to it; of large numbers among the inputs that is a part of their product, of which little may be left.
    /// </summary>
    public static double Lse(AttentionShape shape, Poison? poison = null) => poison is { IsLarge: true } && IsRoundedAgain(shape)
        ? 0.5 : shape.Rope == RopeStyle.None ? 1e-5 : shape.Storage switch
    {
        ElementType.Float16 => 1e-3,
        ElementType.BFloat16 => 1e-2,
        _ => 1e-5,
    };

    private static bool IsRoundedAgain(AttentionShape shape) => shape.Rope != RopeStyle.None && shape.Storage != ElementType.Float32;

    /// <summary>Error relative to what is allowed, at most 1 when all is well; infinite when something is not a number.</summary>
    /// <param name="type">The coarser of the storage and the cache type.</param>
    /// <param name="actual">What the kernels gave.</param>
    /// <param name="expected">The reference in double precision, from the same rounded inputs.</param>
    /// <param name="eager">What plain attention gives when every step is rounded to the 16-bit type; not used for float32.</param>
    public static double Error(ElementType type, ReadOnlySpan<double> actual, ReadOnlySpan<double> expected, ReadOnlySpan<double> eager)
    {
        double squares = 0, reference = 0, worst = 0, worstDifference = 0, worstEager = 0, largest = 0;
        (double absolute, double relative) = type == ElementType.Float16 ? (1e-3, 1e-3) : (1.5e-2, 1e-2);
        for (int i = 0; i < actual.Length; i++)
        {
            double difference = Math.Abs(actual[i] - expected[i]);
            if (!double.IsFinite(difference))
            {
                return double.PositiveInfinity;
            }

            squares += difference * difference;
            reference += expected[i] * expected[i];
            worst = Math.Max(worst, difference / (absolute + (relative * Math.Abs(expected[i]))));
            worstDifference = Math.Max(worstDifference, difference);
            largest = Math.Max(largest, Math.Abs(expected[i]));
            if (eager.Length > 0)
            {
                worstEager = Math.Max(worstEager, Math.Abs(eager[i] - expected[i]));
            }
        }

        if (type == ElementType.Float32)
        {
            return reference == 0 ? (squares == 0 ? 0 : double.PositiveInfinity) : Math.Sqrt(squares / reference) / Norm;
        }

        // At most twice the error of 16-bit arithmetic, and half a unit in the last place for the output's own rounding.
        double rounding = largest * (type == ElementType.Float16 ? 1.0 / 2048 : 1.0 / 256);
        double twiceEager = worstDifference / ((2 * worstEager) + rounding + double.Epsilon);
        return Math.Max(worst, twiceEager);
    }

    /// <summary>
    /// As <see cref="Error"/>, where some outputs are not numbers or very large: each is held to its own size. NaN and infinities must be
    /// where the reference has them, but for what is beyond the storage's type. Of large scores float32 has the differences only so well.
    /// </summary>
    /// <param name="type">The coarser of the storage and the cache type.</param>
    /// <param name="actual">What the kernels gave, row after row.</param>
    /// <param name="expected">The reference in double precision, from the same rounded inputs.</param>
    /// <param name="lse">The reference's LSE of each row.</param>
    /// <param name="test">The case.</param>
    public static double PoisonedError(
        ElementType type, ReadOnlySpan<double> actual, ReadOnlySpan<double> expected, ReadOnlySpan<double> lse, AttentionCase test)
    {
        const double LargestSlack = 0.02;

        // A weight below the smallest normal float32 is 0; times the largest value that is 4, for each of two tokens. Large products of
        // queries that are rounded again when they have turned say little about which of two keys weighs more.
        bool isLoose = test.Poison is { IsLarge: true } poison && (poison.Place == PoisonPlace.Value || IsRoundedAgain(test.Shape));
        double ofWeights = isLoose ? 8 : 0;
        (double absolute, double relative) = type switch
        {
            ElementType.Float32 => (5e-5, 5e-5),
            ElementType.Float16 => (4e-3, 4e-3),
            _ => (3e-2, 2e-2),
        };
        double worst = 0;
        for (int i = 0; i < actual.Length; i++)
        {
            double held = Elements.Round(type, expected[i]);
            if (!double.IsFinite(held) || !double.IsFinite(actual[i]))
            {
                // Within the tolerance of the largest number the type has infinity, too.
                bool isRoundedUp = double.IsInfinity(actual[i]) && double.IsInfinity(Elements.Round(type, held * (1 + relative)));
                if (!actual[i].Equals(held) && !isRoundedUp)
                {
                    return double.PositiveInfinity;
                }
            }
            else
            {
                double ofScores = Math.Abs(lse[i / (actual.Length / lse.Length)]) * Math.ScaleB(1, -21);
                double slack = double.IsFinite(ofScores) ? Math.Min(ofScores, LargestSlack) : 0;
                worst = Math.Max(
                    worst, Math.Abs(actual[i] - held) / (absolute + ofWeights + slack + ((relative + slack) * Math.Abs(held))));
            }
        }

        return worst;
    }

    /// <summary>
    /// How far outputs over a quantised cache may be from those over the exact keys and values: 2e-2 with int8 and 1.5e-1
    /// with e4m3 (1e-1 with latent rows), as the test suites have it; int4 has steps 18 times as wide as int8. Held to it are the norm of
    /// the whole, relative, and of a thousand elements all but one, absolute and relative: where two steps of a row meet, one may be
    /// farther.
    /// </summary>
    /// <returns>The distance relative to what is allowed; infinite when something is not a number.</returns>
    public static double QuantisationError(AttentionShape shape, ReadOnlySpan<double> actual, ReadOnlySpan<double> exact)
    {
        const double Outliers = 1e-3;
        double allowed = shape.CacheStorage switch
        {
            ElementType.Int8 => 2e-2,
            ElementType.Int4 => 18 * 2e-2,
            ElementType.Float8E4M3 => shape.LatentCache ? 1e-1 : 1.5e-1,
            _ => throw new ArgumentOutOfRangeException(nameof(shape), shape.CacheStorage, "Not quantised."),
        };
        double squares = 0, reference = 0, beyond = 0;
        for (int i = 0; i < actual.Length; i++)
        {
            double difference = Math.Abs(actual[i] - exact[i]);
            if (!double.IsFinite(difference))
            {
                return double.PositiveInfinity;
            }

            squares += difference * difference;
            reference += exact[i] * exact[i];
            beyond += difference > allowed * (1 + Math.Abs(exact[i])) ? 1 : 0;
        }

        double norm = reference == 0 ? (squares == 0 ? 0 : double.PositiveInfinity) : Math.Sqrt(squares / reference) / allowed;
        return Math.Max(norm, beyond / Math.Max(1, actual.Length * Outliers));
    }
}
