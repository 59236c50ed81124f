using Kernels.OpenCL;
using Xunit;
using static Kernels.Decoding.Tests.KernelData;

namespace Kernels.Decoding.Tests;

/// <summary>Linear layers, experts, embeddings and products of heads over every format of weights, against double precision.</summary>
[Collection(DeviceCollection.Name)]
public sealed class WeightFormatTests(Devices devices)
{
    private static readonly (string Name, WeightFormat Format, int[] Columns)[] Formats =
    [
        ("MXFP4", WeightFormat.Mxfp4, [32, 96, 288]),
        ("fp8 128", WeightFormat.Fp8(128), [5, 72, 128, 300]),
        ("fp8 30", WeightFormat.Fp8(30), [64, 91]),
        ("Q8_0", new WeightFormat(WeightCode.Int8, 32, WeightScale.Float16), [32, 160]),
        ("Q6_K", new WeightFormat(WeightCode.Int8, 16, WeightScale.Coded), [256, 512]),
        ("Q5_K", new WeightFormat(WeightCode.Int8, 32, WeightScale.Coded, HasMinimum: true), [256]),
        ("Q4_0", new WeightFormat(WeightCode.Int4, 32, WeightScale.Float16, Zero: 8), [32, 160]),
        ("Q4_1", new WeightFormat(WeightCode.Int4, 32, WeightScale.Float16, HasMinimum: true), [32, 160]),
        ("Q4_K", new WeightFormat(WeightCode.Int4, 32, WeightScale.Coded, HasMinimum: true), [256, 512]),
    ];

    public static IEnumerable<object[]> Cases
    {
        get
        {
            var rows = new TheoryData<int, string, LinearForm>();
            foreach (int number in Devices.All)
            {
                foreach ((string name, _, _) in Formats)
                {
                    rows.Add(number, name, LinearForm.Vectors);
                    rows.Add(number, name, LinearForm.WorkGroups);
                }
            }

            return rows;
        }
    }

    [SkippableTheory]
    [MemberData(nameof(Cases))]
    internal void LinearLayersAgreeWithDoublePrecision(int number, string name, LinearForm form)
    {
        ComputeDevice device = devices.Open(number);
        (_, WeightFormat format, int[] widths) = Array.Find(Formats, f => f.Name == name);
        using var kernels = new LayerKernels(device, form);
        var random = new Random(7);
        foreach ((int columns, int rows, int tokens) in
            from columns in widths from rows in (int[])[1, 16, 83] from tokens in (int[])[1, 3, 17, 300] where tokens < 300
            || rows == 83 select (columns, rows, tokens))
        {
            var weights = new GroupedWeights(random, format, rows, columns);
            double[] w = weights.Values;
            float[] x = Values(random, tokens * columns), bias = Values(random, rows), before = Values(random, tokens * rows);
            using WeightMatrix matrix = weights.Upload(device, kernels.Layout);
            using DeviceBuffer<float> xs = device.Upload<float>(x), biases = device.Upload<float>(bias);
            using DeviceBuffer<float> y = Output(device, before);
            kernels.Linear(xs, matrix, biases, y, tokens, accumulate: true);
            float[] actual = Read(device, y, tokens * rows);
            for (int token = 0; token < tokens; token++)
            {
                for (int row = 0; row < rows; row++)
                {
                    double sum = bias[row] + before[(token * rows) + row], magnitude = 1;
                    for (int column = 0; column < columns; column++)
                    {
                        double product = w[(row * columns) + column] * x[(token * columns) + column];
                        sum += product;
                        magnitude += Math.Abs(product);
                    }

                    AssertWithin(
                        sum, actual[(token * rows) + row], 2e-6 * magnitude,
                        $"{columns} columns, {rows} rows, {tokens} tokens: y[{token}, {row}]");
                }
            }
        }
    }

    [SkippableTheory]
    [MemberData(nameof(Cases))]
    internal void ExpertsTakeTheirOwnMatrix(int number, string name, LinearForm form)
    {
        ComputeDevice device = devices.Open(number);
        (_, WeightFormat format, int[] widths) = Array.Find(Formats, f => f.Name == name);
        using var kernels = new LayerKernels(device, form);
        var random = new Random(8);
        const int Experts = 4, Rows = 19;
        int columns = widths[^1];
        var weights = new GroupedWeights(random, format, Experts * Rows, columns);
        double[] w = weights.Values;
        float[] bias = Values(random, Experts * Rows);
        using WeightMatrix matrix = weights.Upload(device, kernels.Layout, Experts);
        using DeviceBuffer<float> biases = device.Upload<float>(bias);

        // Each slot by itself, and tiles of slots that share an expert: experts with many, few and no tokens, and one with all of them.
        foreach ((int tokens, int[] used) in ((int, int[])[])[(1, [3, 0]), (2, [1]), (7, [0, 3, 3]), (64, [0, 0, 0, 0, 1, 3]), (300, [2])])
        {
            int slots = 2 * tokens;
            float[] x = Values(random, tokens * columns);
            int[] chosen = [.. Enumerable.Range(0, slots).Select(_ => used[random.Next(used.Length)])];
            using DeviceBuffer<float> xs = device.Upload<float>(x);
            using DeviceBuffer<int> experts = device.Upload<int>(chosen);
            using DeviceBuffer<float> y = Output(device, slots * Rows);
            kernels.ExpertLinear(xs, matrix, biases, experts, Experts, y, slots, slotsPerRow: 2);
            float[] actual = Read(device, y, slots * Rows);
            for (int slot = 0; slot < slots; slot++)
            {
                for (int row = 0; row < Rows; row++)
                {
                    int own = (chosen[slot] * Rows) + row;
                    double sum = bias[own], size = 1;
                    for (int c = 0; c < columns; c++)
                    {
                        double product = w[(own * columns) + c] * x[(slot / 2 * columns) + c];
                        sum += product;
                        size += Math.Abs(product);
                    }

                    AssertWithin(sum, actual[(slot * Rows) + row], 2e-6 * size, $"y[{slot}, {row}] of {tokens} tokens");
                }
            }
        }
    }

    [SkippableTheory]
    [MemberData(nameof(Cases))]
    internal void EmbeddingsAndHeadsReadSingleWeights(int number, string name, LinearForm form)
    {
        ComputeDevice device = devices.Open(number);
        (_, WeightFormat format, int[] widths) = Array.Find(Formats, f => f.Name == name);
        using var kernels = new LayerKernels(device, form);
        var random = new Random(9);
        int columns = widths[^1];
        const int Rows = 35;
        var weights = new GroupedWeights(random, format, Rows, columns);
        double[] w = weights.Values;
        int[] ids = [34, 0, 17, 17, 1];
        using (WeightMatrix table = weights.Upload(device, kernels.Layout))
        using (DeviceBuffer<int> tokens = device.Upload<int>(ids))
        using (DeviceBuffer<float> output = Output(device, ids.Length * columns))
        {
            kernels.Embed(table, tokens, output, ids.Length, scale: 3);
            float[] embedded = Read(device, output, ids.Length * columns);
            double largest = w.Max(Math.Abs);
            Assert.All(embedded.Index(), p => AssertWithin(
                3 * w[(ids[p.Index / columns] * columns) + (p.Index % columns)], p.Item, 1e-6 * largest, $"element {p.Index}"));
        }

        // Five heads of seven rows; as many tokens as take either kernel.
        foreach (int count in (int[])[1, 6])
        {
            float[] x = Values(random, count * Rows);
            using WeightMatrix heads = weights.Upload(device, WeightLayout.RowMajor);
            using DeviceBuffer<float> xs = device.Upload<float>(x);
            using DeviceBuffer<float> y = Output(device, count * 5 * columns);
            kernels.HeadLinear(xs, HeadSlice.Packed(5, 7), heads, y, HeadSlice.Packed(5, columns), count);
            float[] actual = Read(device, y, count * 5 * columns);
            for (int i = 0; i < actual.Length; i++)
            {
                (int token, int head, int column) = (i / (5 * columns), i / columns % 5, i % columns);
                double[] products = [.. Enumerable.Range(head * 7, 7).Select(row => w[(row * columns) + column] * x[(token * Rows) + row])];
                AssertWithin(products.Sum(), actual[i], 2e-6 * (1 + products.Sum(Math.Abs)), $"y[{token}, {head}, {column}]");
            }
        }
    }

    private static void AssertWithin(double expected, float actual, double tolerance, string what) =>
        Assert.True(Math.Abs(expected - actual) <= tolerance, $"{what} is {actual}, not {expected}");
}
