namespace Kernels.Conformance;

/// <summary>Compares sums with those of double precision.</summary>
internal static class TensorSums
{
    /// <summary>Compares all of few numbers, a sample of many.</summary>
    /// <param name="what">What it is.</param>
    /// <param name="actual">[tokens, rows].</param>
    /// <param name="rows">Numbers of a token.</param>
    /// <param name="expected">Of a token and a row, the sum and how far from it a number may be.</param>
    /// <returns>What is wrong; null if nothing is.</returns>
    public static string? Compare(string what, float[] actual, int rows, Func<int, int, (double Value, double Error)> expected)
    {
        int step = Math.Max(1, (actual.Length / 4000) | 1);
        for (int i = 0; i < actual.Length; i += step)
        {
            (double value, double error) = expected(i / rows, i % rows);
            bool right = double.IsNaN(value) ? float.IsNaN(actual[i]) : Math.Abs(actual[i] - value) <= error + 1e-30;
            if (!right)
            {
                return $"{what}: y[{i / rows}, {i % rows}] is {actual[i]}, not {value}";
            }
        }

        return null;
    }
}
