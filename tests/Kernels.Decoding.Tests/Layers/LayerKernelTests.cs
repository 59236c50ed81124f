using Kernels.OpenCL;
using Xunit;
using static Kernels.Decoding.Tests.KernelData;

namespace Kernels.Decoding.Tests;

/// <summary>Each layer kernel against double precision on the host. What lies behind an output must stay as it was.</summary>
[Collection(DeviceCollection.Name)]
public sealed class LayerKernelTests(Devices devices)
{
    /// <summary>(tokens, columns, rows): odd ones, ones below and above each tile, and ones with every remainder of a vector.</summary>
    private static readonly (int Tokens, int Columns, int Rows)[] LinearSizes =
    [
        (1, 1, 1), (1, 16, 8), (1, 7, 9), (1, 192, 512), (1, 257, 31), (2, 64, 33), (3, 15, 17), (4, 40, 7), (5, 8, 32), (6, 100, 65),
        (33, 129, 34), (70, 48, 100), (2, 3, 130), (16, 31, 257),
    ];

    [SkippableTheory]
    [MemberData(nameof(Devices.Forms), MemberType = typeof(Devices))]
    internal void Linear(int number, LinearForm form)
    {
        ComputeDevice device = devices.Open(number);
        using var kernels = new LayerKernels(device, form);
        Assert.Equal(form, kernels.Form);
        var random = new Random(1);
        foreach (ElementType type in Enum.GetValues<ElementType>()
            .Where(t => t is ElementType.Float32 or ElementType.Float16 or ElementType.BFloat16))
        {
            foreach ((int tokens, int columns, int rows) in LinearSizes)
            {
                foreach ((bool hasBias, bool accumulate) in ((bool, bool)[])[(false, false), (true, false), (true, true)])
                {
                    float[] x = Values(random, tokens * columns);
                    (float[] w, WeightMatrix matrix) = Weights(device, type, Values(random, rows * columns), rows, columns, kernels.Layout);
                    float[] bias = Values(random, rows);
                    float[] before = Values(random, tokens * rows);
                    using DeviceBuffer<float> xBuffer = device.Upload<float>(x);
                    using DeviceBuffer<float> biasBuffer = device.Upload<float>(bias);
                    using DeviceBuffer<float> y = Output(device, before);
                    kernels.Linear(xBuffer, matrix, hasBias ? biasBuffer : null, y, tokens, accumulate);
                    float[] actual = Read(device, y, before.Length);
                    matrix.Dispose();

                    for (int t = 0; t < tokens; t++)
                    {
                        for (int r = 0; r < rows; r++)
                        {
                            double sum = (hasBias ? bias[r] : 0) + (accumulate ? before[(t * rows) + r] : 0);
                            double magnitude = Math.Abs(sum);
                            for (int c = 0; c < columns; c++)
                            {
                                double product = (double)x[(t * columns) + c] * w[(r * columns) + c];
                                sum += product;
                                magnitude += Math.Abs(product);
                            }

                            Assert.True(
                                Math.Abs(actual[(t * rows) + r] - sum) <= 2e-6 * magnitude,
                                $"{type} {tokens} × {columns} × {rows}, bias {hasBias}, accumulate {accumulate}: y[{t}, {r}] is "
                                    + $"{actual[(t * rows) + r]}, not {sum}");
                        }
                    }
                }
            }
        }
    }

    [SkippableTheory]
    [MemberData(nameof(Devices.Numbers), MemberType = typeof(Devices))]
    public void Embed(int number)
    {
        ComputeDevice device = devices.Open(number);
        using var kernels = new LayerKernels(device);
        var random = new Random(2);
        foreach (ElementType type in (ElementType[])[ElementType.Float32, ElementType.Float16, ElementType.BFloat16])
        {
            foreach ((int tokens, int vocabulary, int width) in ((int, int, int)[])[(1, 1, 1), (5, 11, 7), (3, 300, 192), (67, 20, 33)])
            {
                (float[] table, WeightMatrix matrix) = Weights(
                    device, type, Values(random, vocabulary * width), vocabulary, width, kernels.Layout);
                int[] ids = [.. Enumerable.Range(0, tokens).Select(i => i == 0 ? vocabulary - 1 : random.Next(vocabulary))];
                using DeviceBuffer<int> idBuffer = device.Upload<int>(ids);
                using DeviceBuffer<float> output = Output(device, tokens * width);
                kernels.Embed(matrix, idBuffer, output, tokens);
                float[] expected = [.. ids.SelectMany(id => table[(id * width)..((id + 1) * width)])];
                Assert.Equal(expected, Read(device, output, tokens * width));
                kernels.Embed(matrix, idBuffer, output, tokens, scale: 8);
                kernels.Embed(matrix, idBuffer, output, tokens, scale: -0.5, accumulate: true);
                Assert.Equal([.. expected.Select(v => (8 * v) - (0.5f * v))], Read(device, output, tokens * width));
                matrix.Dispose();
            }
        }
    }

    [SkippableTheory]
    [MemberData(nameof(Devices.Numbers), MemberType = typeof(Devices))]
    public void Rope(int number)
    {
        ComputeDevice device = devices.Open(number);
        using var kernels = new LayerKernels(device);
        var random = new Random(4);
        foreach (RopePairs pairs in Enum.GetValues<RopePairs>())
        {
            foreach ((int tokens, int heads, int dim, int rotary, int offset, int rest) in
                ((int, int, int, int, int, int)[])[(1, 1, 2, 2, 0, 0), (3, 2, 16, 16, 0, 5), (7, 3, 40, 10, 11, 0), (5, 1, 59, 58, 3, 4),
                    (33, 6, 32, 32, 64, 32)])
            {
                var config = new RopeConfig { RotaryDim = rotary, Theta = 10000 };
                using RotaryTable table = RotaryTable.Create(device, config, positions: 3000);
                int stride = offset + (heads * dim) + rest;
                float[] input = Values(random, tokens * stride);
                int[] positions = [.. Enumerable.Range(0, tokens).Select(i => i == 0 ? 2999 : random.Next(3000))];
                using DeviceBuffer<float> inputBuffer = device.Upload<float>(input);
                using DeviceBuffer<int> positionBuffer = device.Upload<int>(positions);
                using DeviceBuffer<float> output = Output(device, tokens * heads * dim);
                var slice = new HeadSlice(stride, offset, dim, heads, dim);
                kernels.Rope(inputBuffer, slice, output, positionBuffer, table, pairs, tokens);
                float[] actual = Read(device, output, tokens * heads * dim);

                for (int t = 0; t < tokens; t++)
                {
                    for (int h = 0; h < heads; h++)
                    {
                        double[] expected = [.. input.Skip((t * stride) + offset + (h * dim)).Take(dim).Select(v => (double)v)];
                        for (int pair = 0; pair < rotary / 2; pair++)
                        {
                            (int a, int b) = pairs == RopePairs.HalfSplit ? (pair, pair + (rotary / 2)) : (2 * pair, (2 * pair) + 1);
                            double angle = positions[t] * Math.Pow(10000, -2.0 * pair / rotary);
                            (expected[a], expected[b]) = (
                                (expected[a] * Math.Cos(angle)) - (expected[b] * Math.Sin(angle)),
                                (expected[b] * Math.Cos(angle)) + (expected[a] * Math.Sin(angle)));
                        }

                        for (int i = 0; i < dim; i++)
                        {
                            float value = actual[(((t * heads) + h) * dim) + i];
                            Assert.True(
                                Math.Abs(expected[i] - value) <= 1e-6,
                                $"{pairs}, {dim} of which {rotary}: [{t}, {h}, {i}] is {value}, not {expected[i]}");
                        }
                    }
                }

                using DeviceBuffer<float> taken = Output(device, tokens * heads * dim);
                kernels.TakeHeads(inputBuffer, slice, taken, tokens);
                float[] expectedHeads =
                    [.. Enumerable.Range(0, tokens).SelectMany(t => input.Skip((t * stride) + offset).Take(heads * dim))];
                Assert.Equal(expectedHeads, Read(device, taken, tokens * heads * dim));
            }
        }
    }

    /// <summary>Queries, keys and values of a head side by side.</summary>
    [SkippableFact]
    public void TakesHeadsThatLieApart()
    {
        ComputeDevice device = devices.OpenFirst();
        using var kernels = new LayerKernels(device);
        float[] input = Values(new Random(5), 3 * 4 * 3 * 5);
        using DeviceBuffer<float> inputBuffer = device.Upload<float>(input);
        for (int kind = 0; kind < 3; kind++)
        {
            using DeviceBuffer<float> output = Output(device, 3 * 4 * 5);
            kernels.TakeHeads(inputBuffer, new HeadSlice(4 * 3 * 5, kind * 5, 3 * 5, 4, 5), output, tokens: 3);
            Assert.Equal(input.Chunk(5).Where((_, i) => i % 3 == kind).SelectMany(head => head), Read(device, output, 3 * 4 * 5));
        }
    }

    [SkippableFact]
    public void NoTokensAreNoWork()
    {
        ComputeDevice device = devices.OpenFirst();
        using var kernels = new LayerKernels(device);
        (_, WeightMatrix matrix) = Weights(device, ElementType.Float32, [1, 2, 3, 4], 2, 2, kernels.Layout);
        (_, WeightMatrix heads) = Weights(device, ElementType.Float32, [1, 2, 3, 4], 2, 2);
        (_, WeightMatrix experts) = Weights(device, ElementType.Float32, [1, 2, 3, 4], 2, 2, kernels.Layout, count: 2);
        using DeviceBuffer<float> nothing = device.Allocate<float>(0);
        using DeviceBuffer<int> noIds = device.Allocate<int>(0);
        using DeviceBuffer<float> weight = device.Upload<float>([1, 1]);
        using RotaryTable table = RotaryTable.Create(device, new RopeConfig { RotaryDim = 2, Theta = 10 }, 1);
        kernels.Embed(matrix, noIds, nothing, 0);
        kernels.Linear(nothing, matrix, null, nothing, 0);
        kernels.RmsNorm(nothing, weight, nothing, 0, 1e-6);
        kernels.Rope(nothing, HeadSlice.Packed(1, 2), nothing, noIds, table, RopePairs.HalfSplit, 0);
        kernels.LayerNorm(nothing, weight, weight, nothing, 0, 1e-6);
        kernels.Activate(nothing, nothing, Activation.Silu, 0);
        kernels.GateHalves(nothing, nothing, Activation.Silu, 2, 0);
        kernels.GatePairsClamped(nothing, nothing, 1, 1, 2, 0);
        kernels.Softcap(nothing, 1, 0);
        kernels.ChooseExperts(nothing, null, noIds, nothing, new RoutingConfig(), 2, 1, 0);
        kernels.HeadLinear(nothing, HeadSlice.Packed(2, 1), heads, nothing, HeadSlice.Packed(2, heads.Columns), 0);
        kernels.CombineExperts(nothing, nothing, nothing, 2, 1, 0, accumulate: false);
        kernels.ExpertLinear(nothing, experts, null, noIds, 2, nothing, 0, 1);
        device.Queue.Finish();
        matrix.Dispose();
        heads.Dispose();
        experts.Dispose();
    }

    [SkippableFact]
    public void RefusesBuffersThatAreTooSmall()
    {
        ComputeDevice device = devices.OpenFirst();
        using var kernels = new LayerKernels(device);
        (_, WeightMatrix matrix) = Weights(device, ElementType.Float32, new float[6], rows: 3, columns: 2, kernels.Layout);
        (_, WeightMatrix experts) = Weights(device, ElementType.Float32, new float[6], rows: 3, columns: 2, kernels.Layout, count: 3);
        (_, WeightMatrix other) = Weights(device, ElementType.Float32, new float[21], rows: 3, columns: 2, new WeightLayout(7));
        using DeviceBuffer<float> four = device.Allocate<float>(4);
        using DeviceBuffer<float> six = device.Allocate<float>(6);
        using DeviceBuffer<float> two = device.Allocate<float>(2);
        using DeviceBuffer<int> ids = device.Allocate<int>(2);
        using RotaryTable table = RotaryTable.Create(device, new RopeConfig { RotaryDim = 2, Theta = 10 }, 4);

        Assert.Throws<ArgumentException>("x", () => kernels.Linear(two, matrix, null, six, tokens: 2));
        Assert.Throws<ArgumentException>("y", () => kernels.Linear(four, matrix, null, four, tokens: 2));
        Assert.Throws<ArgumentException>("bias", () => kernels.Linear(four, matrix, two, six, tokens: 2));
        Assert.Throws<ArgumentException>("ids", () => kernels.Embed(matrix, ids, six, tokens: 3));
        Assert.Throws<ArgumentException>("output", () => kernels.Embed(matrix, ids, two, tokens: 2));
        Assert.Throws<ArgumentException>("input", () => kernels.RmsNorm(two, two, six, rows: 2, 1e-6));
        Assert.Throws<ArgumentException>("output", () => kernels.RmsNorm(six, two, two, rows: 2, 1e-6));
        Assert.Throws<ArgumentException>("bias", () => kernels.LayerNorm(six, six, two, six, rows: 1, 1e-6));
        Assert.Throws<ArgumentException>("output", () => kernels.LayerNorm(six, two, two, two, rows: 2, 1e-6));
        Assert.Throws<ArgumentException>("output", () => kernels.Activate(six, two, Activation.Gelu, elements: 3));
        Assert.Throws<ArgumentException>("input", () => kernels.GateHalves(six, six, Activation.Silu, width: 2, rows: 2));
        Assert.Throws<ArgumentException>("output", () => kernels.GateHalves(six, two, Activation.Silu, width: 3, rows: 1));
        Assert.Throws<ArgumentException>("input", () => kernels.GatePairsClamped(six, six, 1, 1, width: 2, rows: 2));
        Assert.Throws<ArgumentException>("values", () => kernels.Softcap(two, 1, elements: 3));
        Assert.Throws<ArgumentOutOfRangeException>(
            "count", () => kernels.ChooseExperts(six, null, ids, six, new RoutingConfig(), experts: 1, count: 2, tokens: 1));
        Assert.Throws<ArgumentException>(
            "chosen", () => kernels.ChooseExperts(six, null, ids, six, new RoutingConfig(), experts: 2, count: 1, tokens: 3));
        Assert.Throws<ArgumentException>(
            "bias", () => kernels.ChooseExperts(
                six, two, ids, six, new RoutingConfig { Score = ExpertScore.BiasedSigmoid }, experts: 3, count: 1, tokens: 2));
        Assert.Throws<ArgumentOutOfRangeException>(
            "routing", () => kernels.ChooseExperts(six, null, ids, six, new RoutingConfig { Groups = 2 }, experts: 3, count: 1, tokens: 2));
        Assert.Throws<ArgumentException>(
            "weights", () => kernels.CombineExperts(six, two, six, width: 1, count: 1, tokens: 3, accumulate: false));
        Assert.Throws<ArgumentException>("experts", () => kernels.ExpertLinear(six, experts, null, ids, 3, six, slots: 3, slotsPerRow: 1));
        Assert.Throws<ArgumentException>("bias", () => kernels.ExpertLinear(six, experts, two, ids, 3, six, slots: 2, slotsPerRow: 1));
        Assert.Throws<ArgumentException>(
            "positions", () => kernels.Rope(six, HeadSlice.Packed(1, 2), six, ids, table, RopePairs.HalfSplit, tokens: 3));
        Assert.Throws<ArgumentException>(
            "table", () => kernels.Rope(six, HeadSlice.Packed(1, 1), six, ids, table, RopePairs.HalfSplit, tokens: 2));
        Assert.Throws<ArgumentOutOfRangeException>("slice", () => kernels.TakeHeads(six, new HeadSlice(2, 1, 2, 1, 2), six, tokens: 2));
        Assert.Throws<ArgumentOutOfRangeException>("slice", () => kernels.TakeHeads(six, new HeadSlice(6, 0, 4, 2, 3), six, tokens: 1));
        Assert.Throws<ArgumentException>("input", () => kernels.TakeHeads(four, new HeadSlice(3, 1, 2, 1, 2), six, tokens: 2));
        Assert.Throws<ArgumentException>("output", () => kernels.TakeHeads(six, new HeadSlice(3, 1, 2, 1, 2), two, tokens: 2));
        Assert.Throws<ArgumentException>("buffer", () => WeightMatrix.From(four, 3, 2));
        Assert.Throws<ArgumentException>("buffer", () => WeightMatrix.From(six, 3, 2, WeightLayout.Vectors));
        Assert.Throws<ArgumentOutOfRangeException>(() => WeightMatrix.From(six, 3, 2, count: 2));
        Assert.Throws<ArgumentException>(() => WeightMatrix.From(ids, 1, 2));
        Assert.Throws<ArgumentException>("table", () => kernels.Embed(other, ids, six, tokens: 1));
        Assert.Throws<ArgumentException>("w", () => kernels.Linear(four, other, null, six, tokens: 2));
        Assert.Throws<ArgumentException>("w", () => kernels.ExpertLinear(six, matrix, null, ids, 3, six, slots: 1, slotsPerRow: 1));
        matrix.Dispose();
        experts.Dispose();
        other.Dispose();
    }
}
