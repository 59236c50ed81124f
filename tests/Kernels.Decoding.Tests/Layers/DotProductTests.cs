using Kernels.OpenCL;
using Xunit;
using static Kernels.Decoding.Tests.KernelData;

namespace Kernels.Decoding.Tests;

/// <summary>Linear layers by a processor's dot products of narrow numbers, against double precision: every format that has them.</summary>
[Collection(DeviceCollection.Name)]
public sealed class DotProductTests(Devices devices)
{
    private static readonly int[] TokenCounts = [1, 2, 3, 7, 8, 9, 33, 130];

    // Each with columns of one step, of an odd number of them, and of several groups.
    private static readonly (string Name, WeightFormat Format, int[] Columns)[] Formats =
    [
        ("bfloat16", WeightFormat.BFloat16, [2, 6, 34, 50, 258]),
        ("Q8_0", new WeightFormat(WeightCode.Int8, 32, WeightScale.Float16), [32, 160]),
        ("Q6_K", new WeightFormat(WeightCode.Int8, 16, WeightScale.Coded), [256, 512]),
        ("Q5_K", new WeightFormat(WeightCode.Int8, 32, WeightScale.Coded, HasMinimum: true), [256]),
        ("Q4_0", new WeightFormat(WeightCode.Int4, 32, WeightScale.Float16, Zero: 8), [32, 160]),
        ("Q4_1", new WeightFormat(WeightCode.Int4, 32, WeightScale.Float16, HasMinimum: true), [32, 160]),
        ("Q4_K", new WeightFormat(WeightCode.Int4, 32, WeightScale.Coded, HasMinimum: true), [256, 512]),
        ("MXFP4", WeightFormat.Mxfp4, [32, 96, 288]),
        ("int4 128", new WeightFormat(WeightCode.Int4, 128, WeightScale.Float16, HasMinimum: true), [96, 128, 416]),
        ("int8 48", new WeightFormat(WeightCode.Int8, 48, WeightScale.Float32), [48, 80]),
    ];

    public static TheoryData<string> Names => [.. Formats.Select(f => f.Name)];

    /// <summary>
    /// Inputs of three bytes are within 2⁻²³ of a group's largest, of two within 2⁻¹⁵, of one within 1/254; bfloat16 is within 2⁻⁸ of its
    /// own.
    /// </summary>
    [SkippableTheory]
    [MemberData(nameof(Names))]
    public void LinearLayersAgreeWithDoublePrecision(string name)
    {
        (_, WeightFormat format, int[] widths) = Array.Find(Formats, f => f.Name == name);
        foreach (LinearPrecision precision in (LinearPrecision[])[LinearPrecision.Standard, LinearPrecision.Fast])
        {
            using LayerKernels kernels = Open(format, precision, out ComputeDevice device);
            var random = new Random(21);
            foreach ((int columns, int rows, int tokens) in from columns in widths from rows in (int[])[1, 16,
                83] from tokens in TokenCounts where rows == 83 || tokens < 130 select (columns, rows, tokens))
            {
                (double[] w, WeightMatrix matrix) = Matrix(device, kernels, random, format, rows, columns);
                float[] x = Values(random, tokens * columns), bias = Values(random, rows), before = Values(random, tokens * rows);
                using DeviceBuffer<float> xs = device.Upload<float>(x), biases = device.Upload<float>(bias);
                using DeviceBuffer<float> y = Output(device, before);
                kernels.Linear(xs, matrix, biases, y, tokens, accumulate: true);
                AssertLayer(
                    Read(device, y, tokens * rows), w, format, precision, rows, columns, tokens, (t, c) => x[(t * columns) + c],
                    (t, r) => bias[r] + (double)before[(t * rows) + r], $"{precision}, {columns} columns, {rows} rows, {tokens} tokens");
                matrix.Dispose();
            }
        }
    }

    [SkippableTheory]
    [MemberData(nameof(Names))]
    public void NormsAndGatesBeforeALayerAreTakenWithIt(string name)
    {
        (_, WeightFormat format, int[] widths) = Array.Find(Formats, f => f.Name == name);
        using LayerKernels kernels = Open(format, LinearPrecision.Standard, out ComputeDevice device);
        var random = new Random(22);
        const int Rows = 35;
        foreach ((int columns, int tokens) in from columns in widths from tokens in (int[])[1, 5, 13, 131] select (columns, tokens))
        {
            (double[] w, WeightMatrix matrix) = Matrix(device, kernels, random, format, Rows, columns);
            Assert.Equal(format.HasGroups || tokens > 128, kernels.Fuses(matrix, tokens));
            Assert.False(kernels.Gates(matrix, tokens));
            if (!kernels.Fuses(matrix, tokens))
            {
                matrix.Dispose();
                continue;
            }

            float[] x = Values(random, tokens * 2 * columns), norm = Values(random, columns);
            using DeviceBuffer<float> xs = device.Upload<float>(x), norms = device.Upload<float>(norm);
            using DeviceBuffer<float> y = Output(device, tokens * Rows);
            kernels.LinearFused(xs, matrix, bias: null, y, tokens, norm: new RmsNorm(norms, 1e-5));
            double[] factors =
                [.. Enumerable.Range(0, tokens)
                    .Select(t => 1 / Math.Sqrt(x.Skip(t * columns).Take(columns).Average(v => (double)v * v) + 1e-5))];
            AssertLayer(
                Read(device, y, tokens * Rows), w, format, LinearPrecision.Standard, Rows, columns, tokens,
                (t, c) => x[(t * columns) + c] * factors[t] * norm[c], (_, _) => 0, $"norm, {columns} columns, {tokens} tokens");
            kernels.LinearFused(xs, matrix, bias: null, y, tokens, gate: Activation.Silu);
            AssertLayer(
                Read(device, y, tokens * Rows), w, format, LinearPrecision.Standard, Rows, columns, tokens,
                (t, c) => x[(2 * t * columns) + c] / (1 + Math.Exp(-x[(2 * t * columns) + c])) * x[(((2 * t) + 1) * columns) + c],
                (_, _) => 0,
                $"gate, {columns} columns, {tokens} tokens");
            matrix.Dispose();
        }
    }

    [SkippableTheory]
    [MemberData(nameof(Names))]
    public void ExpertsTakeTheirOwnMatrix(string name)
    {
        (_, WeightFormat format, int[] widths) = Array.Find(Formats, f => f.Name == name);
        using LayerKernels kernels = Open(format, LinearPrecision.Standard, out ComputeDevice device);
        var random = new Random(23);
        const int Experts = 3, Rows = 19;
        int columns = widths[^1];
        (double[] w, WeightMatrix matrix) = Matrix(device, kernels, random, format, Experts * Rows, columns, Experts);
        float[] bias = Values(random, Experts * Rows);
        using DeviceBuffer<float> biases = device.Upload<float>(bias);

        // Each slot by itself, in tiles, and in tiles of rounded inputs.
        foreach (int slots in (int[])[4, 40, 300])
        {
            float[] x = Values(random, slots / 2 * columns);
            int[] chosen = [.. Enumerable.Range(0, slots).Select(_ => random.Next(Experts))];
            using DeviceBuffer<float> xs = device.Upload<float>(x);
            using DeviceBuffer<int> experts = device.Upload<int>(chosen);
            using DeviceBuffer<float> y = Output(device, slots * Rows);
            kernels.ExpertLinear(xs, matrix, biases, experts, Experts, y, slots, slotsPerRow: 2);
            float[] actual = Read(device, y, slots * Rows);
            for (int slot = 0; slot < slots; slot++)
            {
                double[] own = w[(chosen[slot] * Rows * columns)..((chosen[slot] + 1) * Rows * columns)];
                int at = slot;
                AssertLayer(
                    actual[(slot * Rows)..((slot + 1) * Rows)], own, format, LinearPrecision.Standard, Rows, columns, 1,
                    (_, c) => x[(at / 2 * columns) + c], (_, r) => bias[(chosen[at] * Rows) + r], $"slot {slot} of {slots}",
                    rounds: slots / 2 > LayerKernels.ExactDotTokens);
            }
        }

        matrix.Dispose();
    }

    [SkippableTheory]
    [MemberData(nameof(Names))]
    public void EmbeddingsReadSingleWeights(string name)
    {
        (_, WeightFormat format, int[] widths) = Array.Find(Formats, f => f.Name == name);
        using LayerKernels kernels = Open(format, LinearPrecision.Standard, out ComputeDevice device);
        int columns = widths[^1];
        const int Rows = 35;
        int[] ids = [34, 0, 17, 17, 1];
        (double[] w, WeightMatrix table) = Matrix(device, kernels, new Random(24), format, Rows, columns);
        using DeviceBuffer<int> tokens = device.Upload<int>(ids);
        using DeviceBuffer<float> output = Output(device, ids.Length * columns);
        kernels.Embed(table, tokens, output, ids.Length, scale: 3);
        double largest = w.Max(Math.Abs);
        Assert.All(Read(device, output, ids.Length * columns).Index(), p => Assert.Equal(
            3 * w[(ids[p.Index / columns] * columns) + (p.Index % columns)], p.Item, tolerance: 1e-6 * largest));
        table.Dispose();
    }

    /// <summary>
    /// What is not a number, or infinite, in one token's inputs does not become a number, and does not reach other tokens.
    /// </summary>
    [SkippableTheory]
    [MemberData(nameof(Names))]
    public void WhatIsNotFiniteStaysSo(string name)
    {
        (_, WeightFormat format, int[] widths) = Array.Find(Formats, f => f.Name == name);
        const int Rows = 33;
        foreach (LinearPrecision precision in (LinearPrecision[])[LinearPrecision.Standard, LinearPrecision.Fast])
        {
            using LayerKernels kernels = Open(format, precision, out ComputeDevice device);
            foreach ((float bad, int tokens) in from bad in (float[])[float.NaN, float.PositiveInfinity,
                float.NegativeInfinity] from tokens in (int[])[1, 3, 20, 130] select (bad, tokens))
            {
                int columns = widths[^1];
                var random = new Random(25);
                (double[] w, WeightMatrix matrix) = Matrix(device, kernels, random, format, Rows, columns);
                float[] x = Values(random, tokens * columns);
                x[((tokens / 2) * columns) + (columns / 2)] = bad;
                using DeviceBuffer<float> xs = device.Upload<float>(x);
                using DeviceBuffer<float> y = Output(device, tokens * Rows);
                kernels.Linear(xs, matrix, bias: null, y, tokens);
                float[] actual = Read(device, y, tokens * Rows);
                for (int i = 0; i < actual.Length; i++)
                {
                    double weight = w[(i % Rows * columns) + (columns / 2)];
                    bool own = i / Rows == tokens / 2;
                    Assert.True(
                        own != float.IsFinite(actual[i]), $"{precision}, {tokens} tokens, {bad}: y[{i / Rows}, {i % Rows}] is {actual[i]}");

                    // Codes above zero and minima may cancel to NaN; without them the sign is known.
                    if (own && !float.IsNaN(bad) && weight != 0 && !format.HasMinimum)
                    {
                        Assert.Equal((float)(bad * Math.Sign(weight)), actual[i]);
                    }
                }

                matrix.Dispose();
            }
        }
    }

    /// <summary>Inputs that bfloat16 would round to infinity, and ones whose squares are 0, keep their size.</summary>
    [SkippableTheory]
    [MemberData(nameof(Names))]
    public void LargeAndSmallInputsKeepTheirSize(string name)
    {
        (_, WeightFormat format, int[] widths) = Array.Find(Formats, f => f.Name == name);
        using LayerKernels kernels = Open(format, LinearPrecision.Fast, out ComputeDevice device);
        const int Rows = 17;
        int columns = widths[0];
        var random = new Random(26);
        (double[] w, WeightMatrix matrix) = Matrix(device, kernels, random, format, Rows, columns);
        double largest = w.Max(Math.Abs);
        foreach ((double size, int tokens) in from size in (double[])[float.MaxValue / columns / Math.Max(largest, 1), 1e-25,
            0] from tokens in (int[])[1, 4, 12] select (size, tokens))
        {
            float[] x = [.. Values(random, tokens * columns).Select(v => (float)(v * size))];
            using DeviceBuffer<float> xs = device.Upload<float>(x);
            using DeviceBuffer<float> y = Output(device, tokens * Rows);
            kernels.Linear(xs, matrix, bias: null, y, tokens);
            AssertLayer(
                Read(device, y, tokens * Rows), w, format, LinearPrecision.Fast, Rows, columns, tokens, (t, c) => x[(t * columns) + c],
                (_, _) => 0, $"size {size}, {tokens} tokens");
        }

        if (!format.HasGroups)
        {
            float[] x = [.. Enumerable.Repeat(float.MaxValue, 9 * columns).Select((v, i) => i % columns == 1 ? v : 0)];
            using DeviceBuffer<float> xs = device.Upload<float>(x);
            using DeviceBuffer<float> y = Output(device, 9 * Rows);
            kernels.Linear(xs, matrix, bias: null, y, 9);
            Assert.All(Read(device, y, 9 * Rows), v => Assert.True(float.IsFinite(v)));
        }

        matrix.Dispose();
    }

    /// <summary>Where columns do not fill words, and where asked for float32, matrices lie as they do without the instructions.</summary>
    [SkippableFact]
    public void OtherMatricesLieInVectors()
    {
        using LayerKernels kernels = Open(WeightFormat.BFloat16, LinearPrecision.Standard, out ComputeDevice device);
        Assert.Equal(WeightLayout.Words, kernels.LayoutOf(WeightFormat.BFloat16, 2));
        Assert.Equal(WeightLayout.Vectors, kernels.LayoutOf(WeightFormat.BFloat16, 3));
        Assert.Equal(WeightLayout.Vectors, kernels.LayoutOf(WeightFormat.Float16, 64));
        Assert.Equal(WeightLayout.Vectors, kernels.LayoutOf(WeightFormat.Float32, 64));
        Assert.Equal(WeightLayout.Vectors, kernels.LayoutOf(new WeightFormat(WeightCode.Int8, 30, WeightScale.Float32), 60));
        using var exact = new LayerKernels(device, LinearForm.Vectors, LinearPrecision.Float32);
        Assert.Equal(WeightLayout.Vectors, exact.LayoutOf(WeightFormat.BFloat16, 2));
        using var groups = new LayerKernels(device, LinearForm.WorkGroups, LinearPrecision.Standard);
        Assert.Equal(WeightLayout.RowMajor, groups.LayoutOf(WeightFormat.BFloat16, 2));
    }

    [Fact]
    public void PrecisionsHaveNames()
    {
        Assert.Equal(LinearPrecision.Standard, LayerKernels.ParsePrecision(null));
        Assert.Equal(LinearPrecision.Float32, LayerKernels.ParsePrecision(" Float32"));
        Assert.Equal(LinearPrecision.Fast, LayerKernels.ParsePrecision("fast"));
        Assert.Contains(
            "KERNELS_LINEAR", Assert.Throws<ArgumentException>(() => LayerKernels.ParsePrecision("int4")).Message,
            StringComparison.Ordinal);
    }

    private static (double[] Values, WeightMatrix Matrix) Matrix(
        ComputeDevice device, LayerKernels kernels, Random random, WeightFormat format, int rows, int columns, int count = 1)
    {
        WeightLayout layout = kernels.LayoutOf(format, columns);
        Assert.Equal(WeightLayout.Words, layout);
        if (format.HasGroups)
        {
            var grouped = new GroupedWeights(random, format, rows, columns);
            return (grouped.Values, grouped.Upload(device, layout, count));
        }

        (float[] values, WeightMatrix matrix) = Weights(
            device, ElementType.BFloat16, Values(random, rows * columns), rows, columns, layout, count);
        return ([.. values.Select(v => (double)v)], matrix);
    }

    private static void AssertLayer(
        float[] actual, double[] w, WeightFormat format, LinearPrecision precision, int rows, int columns, int tokens,
        Func<int, int, double> input, Func<int, int, double> start, string what, bool? rounds = null)
    {
        int step = !format.HasGroups ? 1 : format.Group % 32 == 0 ? 32 : 16;
        bool fast = precision == LinearPrecision.Fast;
        double share = !(rounds ?? tokens > (fast ? 8 : 128)) ? Math.Pow(2, -23)
            : !format.HasGroups ? Math.Pow(2, -8) : fast ? 1 / 254.0 : Math.Pow(2, -15);
        for (int token = 0; token < tokens; token++)
        {
            double[] x = [.. Enumerable.Range(0, columns).Select(c => input(token, c))];
            double[] errors = [.. x.Chunk(step).SelectMany(group => Enumerable.Repeat(group.Max(Math.Abs) * share * 1.001, group.Length))];
            for (int row = 0; row < rows; row++)
            {
                double sum = start(token, row), tolerance = Math.Abs(sum) * 1e-6;
                for (int c = 0; c < columns; c++)
                {
                    double weight = w[(row * columns) + c];
                    sum += weight * x[c];
                    tolerance += Math.Abs(weight) * ((Math.Abs(x[c]) * 2e-6) + errors[c]);
                }

                float value = actual[(token * rows) + row];
                Assert.True(Math.Abs(value - sum) <= tolerance, $"{what}: y[{token}, {row}] is {value}, not {sum} ± {tolerance}");
            }
        }
    }

    private LayerKernels Open(WeightFormat format, LinearPrecision precision, out ComputeDevice device)
    {
        foreach (int number in Devices.All)
        {
            device = devices.Open(number);
            var kernels = new LayerKernels(device, LinearForm.Vectors, precision);
            if (kernels.LayoutOf(format, WeightFormat.SuperGroup * 3) == WeightLayout.Words)
            {
                return kernels;
            }

            kernels.Dispose();
        }

        Skip.If(true, $"This machine has no device with dot products of {format}.");
        throw new InvalidOperationException();
    }
}
