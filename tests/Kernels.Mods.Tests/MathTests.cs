using Kernels.Mods.Tests.Harness;

namespace Kernels.Mods.Tests;

/// <summary>
/// Each method that has a counterpart: exact where OpenCL C is, else within the error that it allows (and one more for C#'s own).
/// </summary>
[Collection(OnDevice.Name)]
public sealed class MathTests(ModDevice device)
{
    /// <summary>
    /// An expression on the floats x and y and the ints m and n, and the ulps that OpenCL 1.2 allows its function.
    /// </summary>
    public static TheoryData<string, int> Functions => new()
    {
        { "MathF.Abs(x) + Math.Abs(y)", 0 },
        { "MathF.Ceiling(x)", 0 },
        { "MathF.Floor(x)", 0 },
        { "MathF.Truncate(x)", 0 },
        { "MathF.Round(x)", 0 },
        { "MathF.Round(x, MidpointRounding.ToEven)", 0 },
        { "MathF.Round(x, MidpointRounding.AwayFromZero)", 0 },
        { "MathF.Round(x, MidpointRounding.ToZero)", 0 },
        { "MathF.Round(x, MidpointRounding.ToNegativeInfinity)", 0 },
        { "MathF.Round(x, MidpointRounding.ToPositiveInfinity)", 0 },
        { "MathF.Min(x, y)", 0 },
        { "Math.Min(x, 0f)", 0 },
        { "float.Min(-0f, x)", 0 },
        { "MathF.Max(x, y)", 0 },
        { "Math.Max(0f, x)", 0 },
        { "float.Max(x, -0f)", 0 },
        { "Math.Clamp(x, -1f, y)", 0 },
        { "float.Clamp(x, -0f, 2f)", 0 },
        { "MathF.Sign(x) + 10 * Math.Sign(y)", 0 },
        { "MathF.CopySign(x, y)", 0 },
        { "MathF.IEEERemainder(x, y)", 0 },
        { "MathF.FusedMultiplyAdd(x, y, x)", 0 },
        { "MathF.BitIncrement(x)", 0 },
        { "MathF.BitDecrement(x)", 0 },
        { "MathF.ScaleB(x, Math.Clamp(n, -20, 20))", 0 },
        { "(float.IsNaN(x) ? 1 : 0) + (float.IsInfinity(x) ? 2 : 0) + (float.IsFinite(x) ? 4 : 0) + (float.IsNormal(x) ? 8 : 0)", 0 },
        { "(float.IsPositiveInfinity(x) ? 1 : 0) + (float.IsNegativeInfinity(x) ? 2 : 0) + (float.IsNegative(x) ? 4 : 0) + "
            + "(float.IsPositive(x) ? 8 : 0)", 0 },
        { "BitConverter.Int32BitsToSingle(BitConverter.SingleToInt32Bits(x) ^ 0x200000)", 0 },
        { "Math.Abs(n) + Math.Abs(n - 3)", 0 },
        { "Bits(Math.Min(m, n)) + Bits(Math.Max(m, n))", 0 },
        { "Bits(int.Min(m, -5)) + Bits(int.Max(n, 7))", 0 },
        { "Bits(Math.Clamp(m, -100, Math.Abs(n % 1000)))", 0 },
        { "Math.Sign(m) + 10 * int.Sign(n)", 0 },
        { "int.PopCount(n) + 100 * int.LeadingZeroCount(m)", 0 },
        { "Bits(int.RotateLeft(m, n))", 0 },
        { "(int.IsNegative(n) ? 1 : 0) + (int.IsPositive(m) ? 2 : 0)", 0 },
        { "MathF.PI * x + MathF.E + (float)Math.Tau + float.Epsilon * 0f + int.MaxValue", 0 },
        { "x / y", 3 },
        { "MathF.Sqrt(x)", 3 },
        { "MathF.Cbrt(x)", 2 },
        { "MathF.Exp(x)", 3 },
        { "float.Exp2(x)", 3 },
        { "float.Exp10(x)", 3 },
        { "MathF.Log(x)", 3 },
        { "MathF.Log2(x)", 3 },
        { "MathF.Log10(x)", 3 },
        { "MathF.Pow(x, y)", 16 },
        { "float.Hypot(x, y)", 4 },
        // Within one turn or two: PoCL loses small arguments when another lane has a huge one.
        { "MathF.Sin(x % 10f)", 4 },
        { "MathF.Cos(x % 10f)", 4 },
        { "MathF.Tan(x % 10f)", 5 },
        { "MathF.Asin(x)", 4 },
        { "MathF.Acos(x)", 4 },
        { "MathF.Atan(x)", 5 },
        { "MathF.Atan2(x, y)", 6 },
        { "MathF.Sinh(x)", 4 },
        { "MathF.Cosh(x)", 4 },
        { "MathF.Tanh(x)", 5 },
        { "MathF.Asinh(x)", 4 },
        { "MathF.Acosh(x)", 4 },
        { "MathF.Atanh(x)", 5 },
    };

    [SkippableTheory]
    [MemberData(nameof(Functions))]
    public void A_method_has_the_results_of_its_counterpart(string expression, int ulps)
    {
        // Every pair of special values, and random ones.
        var random = new Random(11);
        float[] special = Points.SpecialFloats;
        List<(float X, float Y)> pairs = [.. from a in special from b in special select (a, b)];
        pairs.AddRange(Enumerable.Range(0, 4000).Select(_ => (Points.AnyFloat(random), Points.AnyFloat(random))));
        Points points = Points.OfScores([.. pairs.Select(pair => pair.X)]);
        float[] y = [.. Enumerable.Range(0, points.Count).Select(i => pairs[i % pairs.Count].Y)];
        int[] ints = [.. Enumerable.Range(0, points.Count + 1).Select(_ => Points.AnyInt(random))];

        using var program = new ModProgram($$"""
            [ScoreMod] static float Mod(float x, int batch, int head, int query, int key, ReadOnlySpan<float> other, ReadOnlySpan<int> ints)
            {
                float y = other[key];
                int m = ints[key], n = ints[key + 1];
                return {{expression}};
            }

            static float Bits(int x) => (x & 0xFFFF) + (x >> 16) * 0.25f;
            """);
        program.AssertSame(device.Device, ulps == 0 ? 0 : ulps + 1, points, y, ints);
    }

    [Fact]
    public void Every_method_of_MathF_is_either_translated_or_refused_with_advice()
    {
        string[] tested = [.. Functions.Select(row => ((string)row[0]).Split('(')[0])];
        IEnumerable<string> names = typeof(MathF).GetMethods().Where(method => method.IsStatic).Select(method => "MathF." + method.Name)
            .Distinct();
        string[] refused =
        [
            "MathF.ILogB", "MathF.MaxMagnitude", "MathF.MinMagnitude", "MathF.ReciprocalEstimate", "MathF.ReciprocalSqrtEstimate",
            "MathF.SinCos",
        ];
        Assert.Equal(
            names.Except(refused).Order(), names.Intersect(tested.Concat(Functions.SelectMany(row => Names((string)row[0])))).Order());

        static IEnumerable<string> Names(string expression) =>
            System.Text.RegularExpressions.Regex.Matches(expression, @"MathF\.\w+").Select(match => match.Value);
    }
}
