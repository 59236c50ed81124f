using Kernels.OpenCL;
using Xunit;
using static Kernels.Decoding.Tests.KernelData;

namespace Kernels.Decoding.Tests;

/// <summary>Activations, gated units and the mixture of experts against double precision on the host.</summary>
[Collection(DeviceCollection.Name)]
public sealed class FeedForwardKernelTests(Devices devices)
{
    [SkippableTheory]
    [MemberData(nameof(Devices.Numbers), MemberType = typeof(Devices))]
    public void Activate(int number)
    {
        ComputeDevice device = devices.Open(number);
        using var kernels = new LayerKernels(device);

        // Where exp overflows a gate is closed or open, not NaN.
        float[] input = [-200, 200, 0, -0.001f, .. Enumerable.Range(-400, 801).Select(i => i / 50f)];
        using DeviceBuffer<float> inputBuffer = device.Upload<float>(input);
        foreach (Activation activation in Enum.GetValues<Activation>())
        {
            using DeviceBuffer<float> output = Output(device, input.Length);
            kernels.Activate(inputBuffer, output, activation, input.Length);
            float[] actual = Read(device, output, input.Length);
            for (int i = 0; i < input.Length; i++)
            {
                Assert.Equal(Activated(activation, input[i]), actual[i], tolerance: 1e-6 * (1 + Math.Abs(input[i])));
            }
        }
    }

    [SkippableTheory]
    [MemberData(nameof(Devices.Numbers), MemberType = typeof(Devices))]
    public void GatedUnits(int number)
    {
        ComputeDevice device = devices.Open(number);
        using var kernels = new LayerKernels(device);
        var random = new Random(5);
        foreach ((int rows, int width) in ((int, int)[])[(1, 1), (3, 7), (2, 512), (33, 65)])
        {
            float[] input = [.. Values(random, rows * width * 2).Select(v => v * 9)];
            input[0] = -200;
            using DeviceBuffer<float> inputBuffer = device.Upload<float>(input);
            foreach (Activation activation in Enum.GetValues<Activation>())
            {
                using DeviceBuffer<float> output = Output(device, rows * width);
                kernels.GateHalves(inputBuffer, output, activation, width, rows);
                float[] actual = Read(device, output, rows * width);
                for (int at = 0; at < actual.Length; at++)
                {
                    int gate = (at / width * 2 * width) + (at % width);
                    Assert.Equal(
                        Activated(activation, input[gate]) * input[gate + width], actual[at],
                        tolerance: 1e-6 * (1 + Math.Abs(input[gate] * input[gate + width])));
                }
            }

            using DeviceBuffer<float> clamped = Output(device, rows * width);
            kernels.GatePairsClamped(inputBuffer, clamped, alpha: 1.702, limit: 7, width, rows);
            float[] pairs = Read(device, clamped, rows * width);
            for (int at = 0; at < pairs.Length; at++)
            {
                double gate = Math.Min(input[2 * at], 7);
                double up = Math.Clamp(input[(2 * at) + 1], -7, 7);
                Assert.Equal(gate / (1 + Math.Exp(-1.702 * gate)) * (up + 1), pairs[at], tolerance: 1e-5);
            }
        }
    }

    [SkippableTheory]
    [MemberData(nameof(Devices.Numbers), MemberType = typeof(Devices))]
    public void Softcap(int number)
    {
        ComputeDevice device = devices.Open(number);
        using var kernels = new LayerKernels(device);
        float[] values = [0, 1e-3f, -1e9f, 1e9f, .. Values(new Random(6), 95).Select(v => v * 100)];
        using DeviceBuffer<float> buffer = Output(device, values);
        kernels.Softcap(buffer, 30, values.Length);
        Assert.All(
            Read(device, buffer, values.Length), (value, i) => AssertClose(30 * Math.Tanh(values[i] / 30.0), value, 2e-6, $"{values[i]}"));
    }

    [SkippableTheory]
    [MemberData(nameof(Devices.Numbers), MemberType = typeof(Devices))]
    public void ScaleAndAddScaled(int number)
    {
        ComputeDevice device = devices.Open(number);
        using var kernels = new LayerKernels(device);
        float[] values = Values(new Random(8), 99);
        float[] others = Values(new Random(9), 99);
        using DeviceBuffer<float> scaled = Output(device, values);
        kernels.Scale(scaled, 0.22, values.Length);
        Assert.Equal(values.Select(v => v * 0.22f), Read(device, scaled, values.Length));
        using DeviceBuffer<float> input = device.Upload<float>(others);
        using DeviceBuffer<float> sum = Output(device, values);
        kernels.AddScaled(input, sum, 0.22, values.Length);
        Assert.All(Read(device, sum, values.Length), (value, i) => Assert.Equal(values[i] + (0.22 * others[i]), value, tolerance: 2e-7));
        Assert.Throws<ArgumentException>("values", () => kernels.Scale(scaled, 1, elements: 1000));
        Assert.Throws<ArgumentException>("input", () => kernels.AddScaled(input, sum, 1, elements: 100));
    }

    [SkippableTheory]
    [MemberData(nameof(Devices.Numbers), MemberType = typeof(Devices))]
    public void ChooseExperts(int number)
    {
        ComputeDevice device = devices.Open(number);
        using var kernels = new LayerKernels(device);
        var random = new Random(7);
        foreach ((int tokens, int experts, int count) in ((int, int, int)[])[(1, 1, 1), (5, 4, 2), (67, 32, 4), (3, 128, 8), (2, 6, 6)])
        {
            // Few different values: many logits are equal, and the first expert of equal ones comes first.
            float[] logits = [.. Enumerable.Range(0, tokens * experts).Select(_ => random.Next(-9, 9) / 4f)];
            logits[0] = float.NegativeInfinity;
            (int[] chosen, float[] weights) = Choose(device, kernels, logits, new RoutingConfig(), tokens, experts, count);
            for (int token = 0; token < tokens; token++)
            {
                int[] expected = [.. Enumerable.Range(0, experts).OrderByDescending(e => logits[(token * experts) + e]).Take(count)];
                Assert.Equal(expected, chosen.Skip(token * count).Take(count));
                double[] exponentials =
                    [.. expected.Select(e => Math.Exp(logits[(token * experts) + e] - logits[(token * experts) + expected[0]]))];
                for (int slot = 0; slot < count && experts > 1; slot++)
                {
                    Assert.Equal(exponentials[slot] / exponentials.Sum(), weights[(token * count) + slot], tolerance: 1e-6);
                }
            }
        }
    }

    /// <summary>A model that has gone wrong must not make the kernels read outside the weights.</summary>
    [SkippableFact]
    public void ChoosesExpertsThatExistWhereLogitsAreNotNumbers()
    {
        ComputeDevice device = devices.OpenFirst();
        using var kernels = new LayerKernels(device);
        (int[] chosen, float[] weights) = Choose(
            device, kernels, [float.NaN, float.NaN, float.NaN, 1, float.NaN, float.NaN], new RoutingConfig(), tokens: 2,
            experts: 3, count: 2);

        Assert.All(chosen, expert => Assert.InRange(expert, 0, 2));
        Assert.Equal(float.NaN, weights[0]);
        float[] none = [.. Enumerable.Repeat(float.NaN, 12)];
        foreach (ExpertScore score in Enum.GetValues<ExpertScore>())
        {
            (chosen, _) = Choose(
                device, kernels, none, new RoutingConfig
                {
                    Score = score,
                    Groups = 4,
                    GroupsPerToken = 2,
                }, tokens: 1, experts: 12, count: 5);
            Assert.All(chosen, expert => Assert.InRange(expert, 0, 11));
        }
    }

    /// <summary>DeepSeek's routers: groups, both scores, weights with and without their sum, a factor.</summary>
    [SkippableTheory]
    [MemberData(nameof(Devices.Numbers), MemberType = typeof(Devices))]
    public void ChooseExpertsOfTheBestGroups(int number)
    {
        ComputeDevice device = devices.Open(number);
        using var kernels = new LayerKernels(device);
        var random = new Random(17);
        foreach (ExpertScore score in Enum.GetValues<ExpertScore>())
        {
            foreach ((int tokens, int experts, int groups, int groupsPerToken, int count, bool normalize) in
                ((int, int, int, int, int, bool)[])
                [(1, 4, 1, 1, 2, true), (9, 4, 2, 1, 2, false), (33, 64, 8, 3, 6, true), (5, 256, 8, 4, 8, false), (3, 128, 64, 2, 4, true),
                    (4, 6, 3, 3, 6, false)])
            {
                var routing = new RoutingConfig
                {
                    Score = score,
                    Groups = groups,
                    GroupsPerToken = groupsPerToken,
                    Normalize = normalize,
                    Scale = 2.5,
                };
                float[] logits = [.. Values(random, tokens * experts).Select(v => v * 4)];

                // A bias strong enough to choose others than the scores alone, and to make some sums negative.
                float[] bias = Values(random, experts);
                (int[] chosen, float[] weights) = Choose(device, kernels, logits, routing, tokens, experts, count, bias);
                for (int token = 0; token < tokens; token++)
                {
                    (int[] expected, double[] expectedWeights) = Route(
                        routing, [.. logits.Skip(token * experts).Take(experts)], bias, count);
                    Assert.Equal(expected, chosen.Skip(token * count).Take(count));
                    for (int slot = 0; slot < count; slot++)
                    {
                        Assert.Equal(expectedWeights[slot], weights[(token * count) + slot], tolerance: 4e-6);
                    }
                }
            }
        }
    }

    [SkippableTheory]
    [MemberData(nameof(Devices.Forms), MemberType = typeof(Devices))]
    internal void ExpertLinear(int number, LinearForm form)
    {
        ComputeDevice device = devices.Open(number);
        using var kernels = new LayerKernels(device, form);
        var random = new Random(8);
        foreach (ElementType type in (ElementType[])[ElementType.Float32, ElementType.Float16, ElementType.BFloat16])
        {
            foreach ((int tokens, int perRow, int experts, int columns, int rows) in
                ((int, int, int, int, int)[])[(1, 1, 1, 1, 1), (1, 4, 5, 64, 33), (7, 2, 4, 17, 9), (6, 1, 3, 40, 64), (5, 3, 8, 257, 15),
                    (100, 2, 4, 33, 40), (64, 3, 70, 64, 70), (37, 1, 2, 17, 100)])
            {
                int slots = tokens * perRow;
                float[] x = Values(random, tokens * columns);
                (float[] w, WeightMatrix matrix) = Weights(
                    device, type, Values(random, experts * rows * columns), experts * rows, columns, kernels.Layout, experts);
                float[] bias = Values(random, experts * rows);
                // One expert of many has all but a few slots, and some have none.
                int[] chosen = [.. Enumerable.Range(0, slots).Select(i => i == 0 ? experts - 1 : random.Next(rows == 100 ? 1 : experts))];
                using DeviceBuffer<float> xBuffer = device.Upload<float>(x);
                using DeviceBuffer<float> biasBuffer = device.Upload<float>(bias);
                using DeviceBuffer<int> chosenBuffer = device.Upload<int>(chosen);
                foreach (bool hasBias in (bool[])[true, false])
                {
                    using DeviceBuffer<float> y = Output(device, slots * rows);
                    kernels.ExpertLinear(xBuffer, matrix, hasBias ? biasBuffer : null, chosenBuffer, experts, y, slots, perRow);
                    float[] actual = Read(device, y, slots * rows);
                    for (int at = 0; at < actual.Length; at++)
                    {
                        int slot = at / rows;
                        int row = (chosen[slot] * rows) + (at % rows);
                        double expected = Enumerable.Range(0, columns)
                            .Sum(c => (double)w[(row * columns) + c] * x[(slot / perRow * columns) + c]) + (hasBias ? bias[row] : 0);
                        Assert.Equal(expected, actual[at], tolerance: 2e-6 * columns);
                    }
                }

                matrix.Dispose();
            }
        }
    }

    [SkippableTheory]
    [MemberData(nameof(Devices.Numbers), MemberType = typeof(Devices))]
    public void CombineExperts(int number)
    {
        ComputeDevice device = devices.Open(number);
        using var kernels = new LayerKernels(device);
        var random = new Random(9);
        foreach ((int tokens, int count, int width) in ((int, int, int)[])[(1, 1, 1), (3, 2, 7), (5, 4, 192)])
        {
            float[] input = Values(random, tokens * count * width);
            float[] weights = Values(random, tokens * count);
            float[] before = Values(random, tokens * width);
            using DeviceBuffer<float> inputBuffer = device.Upload<float>(input);
            using DeviceBuffer<float> weightBuffer = device.Upload<float>(weights);
            foreach (bool accumulate in (bool[])[false, true])
            {
                using DeviceBuffer<float> output = Output(device, before);
                kernels.CombineExperts(inputBuffer, weightBuffer, output, width, count, tokens, accumulate);
                float[] actual = Read(device, output, tokens * width);
                for (int at = 0; at < actual.Length; at++)
                {
                    int token = at / width;
                    double expected = Enumerable.Range(token * count, count)
                        .Sum(slot => (double)weights[slot] * input[(slot * width) + (at % width)]);
                    Assert.Equal(expected + (accumulate ? before[at] : 0), actual[at], tolerance: 1e-6 * count);
                }
            }
        }
    }

    private static (int[] Chosen, double[] Weights) Route(RoutingConfig routing, float[] logits, float[] bias, int count)
    {
        bool isSigmoid = routing.Score == ExpertScore.BiasedSigmoid;
        double all = logits.Sum(l => Math.Exp(l));
        double[] scores = [.. logits.Select(l => isSigmoid ? 1 / (1 + Math.Exp(-l)) : Math.Exp(l) / all)];
        double[] choices = [.. scores.Select((s, e) => isSigmoid ? s + bias[e] : s)];
        int size = logits.Length / routing.Groups;
        int[] groups =
        [
            .. Enumerable.Range(0, routing.Groups)
                .OrderByDescending(group => choices.Skip(group * size).Take(size).OrderDescending().Take(isSigmoid ? 2 : 1).Sum())
                .Take(routing.GroupsPerToken),
        ];
        int[] chosen =
            [.. Enumerable.Range(0, logits.Length).Where(e => groups.Contains(e / size)).OrderByDescending(e => choices[e]).Take(count)];
        double sum = routing.Normalize ? chosen.Sum(e => scores[e]) : 1;
        return (chosen, [.. chosen.Select(e => scores[e] / sum * routing.Scale)]);
    }

    private static (int[] Chosen, float[] Weights) Choose(
        ComputeDevice device, LayerKernels kernels, float[] logits, RoutingConfig routing, int tokens, int experts, int count,
        float[]? bias = null)
    {
        using DeviceBuffer<float> biasBuffer = device.Upload<float>(bias ?? new float[experts]);
        using DeviceBuffer<float> logitBuffer = device.Upload<float>(logits);
        using DeviceBuffer<int> chosenBuffer = device.Allocate<int>(tokens * count);
        using DeviceBuffer<float> weights = Output(device, tokens * count);
        kernels.ChooseExperts(logitBuffer, biasBuffer, chosenBuffer, weights, routing, experts, count, tokens);
        var chosen = new int[tokens * count];
        device.Queue.Read(chosenBuffer, chosen);
        return (chosen, Read(device, weights, tokens * count));
    }

    private static double Activated(Activation activation, double x) => activation switch
    {
        Activation.Silu => x / (1 + Math.Exp(-x)),
        Activation.Gelu => x * Normal(x),
        _ => 0.5 * x * (1 + Math.Tanh(Math.Sqrt(2 / Math.PI) * (x + (0.044715 * x * x * x)))),
    };

    // The normal distribution's Φ by its power series, which is exact enough where it matters.
    private static double Normal(double x)
    {
        if (Math.Abs(x) > 8)
        {
            return x > 0 ? 1 : 0;
        }

        double term = x;
        double sum = x;
        for (int n = 1; n < 200; n++)
        {
            term *= x * x / ((2 * n) + 1);
            sum += term;
        }

        return 0.5 + (sum * Math.Exp(-x * x / 2) / Math.Sqrt(2 * Math.PI));
    }
}
