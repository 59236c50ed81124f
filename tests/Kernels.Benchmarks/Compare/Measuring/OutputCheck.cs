using System.Globalization;

namespace Kernels.Benchmarks.Compare;

/// <summary>
/// Whether outputs are those of the work that was asked for. All of them have to be finite, so that what was filled with NaN before and
/// never written is found, and a sample of rows has to be near the reference in double precision.
/// </summary>
internal static class OutputCheck
{
    private const int SampledRows = 16;

    /// <summary>What is wrong with outputs; null: nothing that was found.</summary>
    /// <param name="outputs">[tokens, heads, valueDim], filled with NaN before the work ran.</param>
    /// <param name="heads">Query heads.</param>
    /// <param name="valueDim">Elements of a row.</param>
    /// <param name="tolerance">The largest error of a row, see <see cref="Tolerance"/>.</param>
    /// <param name="expected">Gives the reference's row of a token and a head.</param>
    public static string? Fault<T>(ReadOnlySpan<T> outputs, int heads, int valueDim, double tolerance, Func<int, int, double[]> expected)
        where T : unmanaged
    {
        int bad = 0, firstBad = -1;
        for (int i = 0; i < outputs.Length; i++)
        {
            if (!float.IsFinite(RandomData.ToSingle(outputs[i])))
            {
                firstBad = bad++ == 0 ? i : firstBad;
            }
        }

        if (bad > 0)
        {
            return $"{bad} of {outputs.Length} outputs are not finite or were never written; the first is element {firstBad % valueDim} "
                + $"of {Name(firstBad / valueDim)}.";
        }

        foreach (int row in Sample(outputs.Length / valueDim))
        {
            double error = Error(outputs.Slice(row * valueDim, valueDim), expected(row / heads, row % heads));
            if (!(error <= tolerance))
            {
                return string.Create(
                    CultureInfo.InvariantCulture,
                    $"The output of {Name(row)} is off by {error:0.###e+0} of its length; the reference allows {tolerance:0.###e+0}.");
            }
        }

        return null;

        string Name(int row) => $"token {row / heads}, head {row % heads}";
    }

    /// <summary>
    /// The largest error ‖output − reference‖ / ‖reference‖ of a row. Relative, for the mean of thousands of values is small beside any
    /// absolute bound. Float32 is held to what the conformance tests ask; 16-bit types to some ten times their rounding, as queries,
    /// weights and outputs are rounded; quantised caches, whose reference has the exact keys and values, to what their steps make of them.
    /// </summary>
    /// <param name="storage">The type of queries and outputs.</param>
    /// <param name="cacheStorage">The type of cached keys and values.</param>
    public static double Tolerance(ElementType storage, ElementType cacheStorage) => Math.Max(Tolerance(storage), Tolerance(cacheStorage));

    /// <summary>The first row, the last, and others spread over all.</summary>
    private static IEnumerable<int> Sample(int rows)
    {
        var random = new Random(1);
        return Enumerable.Range(0, SampledRows - 2).Select(_ => random.Next(rows)).Concat([0, rows - 1]).Distinct();
    }

    private static double Error<T>(ReadOnlySpan<T> actual, double[] expected)
        where T : unmanaged
    {
        double squares = 0, reference = 0;
        for (int i = 0; i < expected.Length; i++)
        {
            double difference = RandomData.ToSingle(actual[i]) - expected[i];
            squares += difference * difference;
            reference += expected[i] * expected[i];
        }

        return Math.Sqrt(squares / reference);
    }

    private static double Tolerance(ElementType type) => type switch
    {
        ElementType.Float32 => 1e-5,
        ElementType.Float16 => 5e-3,
        ElementType.BFloat16 => 2e-2,
        ElementType.Int8 => 2e-2,
        ElementType.Float8E4M3 => 0.15,
        ElementType.Int4 => 0.36,
        _ => throw new ArgumentOutOfRangeException(nameof(type), type, "Not an element type."),
    };
}
