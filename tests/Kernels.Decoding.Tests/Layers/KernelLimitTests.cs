using Kernels.OpenCL;
using Xunit;
using static Kernels.Decoding.Tests.KernelData;

namespace Kernels.Decoding.Tests;

/// <summary>
/// Layer kernels of which an axis goes beyond what 16 bits and 20 bits count, on the first device; and sizes beyond what kernels count.
/// </summary>
[Collection(DeviceCollection.Name)]
public sealed class KernelLimitTests(Devices devices)
{
    private const int Many = (1 << 20) + 3;

    [SkippableTheory]
    [InlineData(LinearForm.Vectors)]
    [InlineData(LinearForm.WorkGroups)]
    internal void LinearOfManyTokens(LinearForm form)
    {
        // 32 tokens are a work-group of a GPU.
        const int Tokens = 2 * Many, Rows = 3;
        ComputeDevice device = devices.OpenFirst();
        using var kernels = new LayerKernels(device, form);
        float[] x = Ramp(Tokens);
        using WeightMatrix w = Weights(device, ElementType.Float32, [1, 2, 3], Rows, 1, kernels.Layout).Matrix;
        using DeviceBuffer<float> input = device.Upload<float>(x), output = Output(device, Tokens * Rows);
        kernels.Linear(input, w, null, output, Tokens);
        Check(Read(device, output, Tokens * Rows), i => x[i / Rows] * ((i % Rows) + 1));
    }

    [SkippableTheory]
    [InlineData(LinearForm.Vectors)]
    [InlineData(LinearForm.WorkGroups)]
    internal void LinearOfManyRows(LinearForm form)
    {
        ComputeDevice device = devices.OpenFirst();
        using var kernels = new LayerKernels(device, form);
        float[] weights = Ramp(Many);
        using WeightMatrix w = Weights(device, ElementType.Float32, weights, Many, 1, kernels.Layout).Matrix;
        using DeviceBuffer<float> input = device.Upload<float>([2]), output = Output(device, Many);
        kernels.Linear(input, w, null, output, 1);
        Check(Read(device, output, Many), i => 2 * weights[i]);
    }

    [SkippableTheory]
    [InlineData(LinearForm.Vectors)]
    [InlineData(LinearForm.WorkGroups)]
    internal void ExpertsAndHeadsOfManyTokens(LinearForm form)
    {
        const int Slots = 70_000, HeadTokens = 4 * Slots;
        ComputeDevice device = devices.OpenFirst();
        using var kernels = new LayerKernels(device, form);
        float[] x = Ramp(HeadTokens);
        int[] chosen = [.. Enumerable.Range(0, Slots).Select(i => i % 3)];
        using WeightMatrix experts = Weights(device, ElementType.Float32, [1, 2, 3], 3, 1, kernels.Layout, count: 3).Matrix;
        using WeightMatrix heads = Weights(device, ElementType.Float32, [1, 2], 2, 1).Matrix;
        using DeviceBuffer<float> input = device.Upload<float>(x), output = Output(device, Slots), ofHeads = Output(device, HeadTokens * 2);
        using DeviceBuffer<int> expertOf = device.Upload<int>(chosen);
        kernels.ExpertLinear(input, experts, null, expertOf, 3, output, Slots, slotsPerRow: 1);
        Check(Read(device, output, Slots), i => x[i] * (chosen[i] + 1));
        kernels.HeadLinear(input, new HeadSlice(1, 0, 0, 2, 1), heads, ofHeads, HeadSlice.Packed(2, 1), HeadTokens);
        Check(Read(device, ofHeads, HeadTokens * 2), i => x[i / 2] * ((i % 2) + 1));
    }

    [SkippableFact]
    public void RowsAndElementsBeyond20Bits()
    {
        ComputeDevice device = devices.OpenFirst();
        using var kernels = new LayerKernels(device);
        float[] x = Ramp(2 * Many);
        int[] ids = [.. Enumerable.Range(0, Many).Select(i => i % 2)];
        using DeviceBuffer<float> input = device.Upload<float>(x), weight = device.Upload<float>([2]), zero = device.Upload<float>([5]),
            output = Output(device, Many);
        using DeviceBuffer<int> idBuffer = device.Upload<int>(ids);

        // A row of one element is 1 or -1 in an RMS norm, and 0 in a layer norm.
        kernels.RmsNorm(input, weight, output, Many, 0);
        Check(Read(device, output, Many), i => 2 * MathF.Sign(x[i]));
        kernels.LayerNorm(input, weight, zero, output, Many, 1);
        Check(Read(device, output, Many), _ => 5);
        kernels.GateHalves(input, output, Activation.Silu, 1, Many);
        Check(Read(device, output, Many), i => x[2 * i] / (1 + MathF.Exp(-x[2 * i])) * x[(2 * i) + 1]);
        kernels.TakeHeads(input, new HeadSlice(2, 1, 1, 1, 1), output, Many);
        Check(Read(device, output, Many), i => x[(2 * i) + 1]);
        using WeightMatrix table = Weights(device, ElementType.Float32, [7, 9], 2, 1, kernels.Layout).Matrix;
        kernels.Embed(table, idBuffer, output, Many);
        Check(Read(device, output, Many), i => ids[i] == 0 ? 7 : 9);
        kernels.CombineExperts(input, input, output, 1, 2, Many, accumulate: false);
        Check(Read(device, output, Many), i => (x[2 * i] * x[2 * i]) + (x[(2 * i) + 1] * x[(2 * i) + 1]));
    }

    [SkippableFact]
    public void SizesBeyondWhatIsCountedAreNamed()
    {
        ComputeDevice device = devices.OpenFirst();
        using var kernels = new LayerKernels(device);
        using WeightMatrix w = Weights(device, ElementType.Float32, [1], 1, 1, kernels.Layout).Matrix;
        using DeviceBuffer<float> buffer = device.Allocate<float>(8);
        using DeviceBuffer<int> experts = device.Allocate<int>(8);
        const int TooMany = (1 << 30) + 1;
        Assert.Throws<ArgumentOutOfRangeException>("tokens", () => kernels.Linear(buffer, w, null, buffer, TooMany));
        Assert.Throws<ArgumentOutOfRangeException>("slots", () => kernels.ExpertLinear(buffer, w, null, experts, 1, buffer, TooMany, 1));
        Assert.Throws<ArgumentOutOfRangeException>(
            "tokens", () => kernels.HeadLinear(buffer, HeadSlice.Packed(1, 1), w, buffer, HeadSlice.Packed(1, 1), TooMany));
        Assert.Throws<ArgumentOutOfRangeException>("rows", () => WeightMatrix.From(buffer, TooMany, 1));
        Assert.Throws<ArgumentOutOfRangeException>("columns", () => WeightMatrix.From(buffer, 1, TooMany));
        Assert.Throws<ArgumentOutOfRangeException>(
            "positions", () => RotaryTable.Create(device, new() { RotaryDim = 64, Theta = 1e4 }, (Array.MaxLength / 64) + 1));
    }

    /// <summary>Numbers that are exact, and so are their products with small ones; none is 0.</summary>
    private static float[] Ramp(int count) => [.. Enumerable.Range(0, count).Select(i => (i % 1021) - 510.5f)];

    private static void Check(float[] actual, Func<int, float> expected)
    {
        for (int i = 0; i < actual.Length; i++)
        {
            float value = expected(i);
            if (!(Math.Abs(actual[i] - value) <= 1e-5 * Math.Max(1e-3f, Math.Abs(value))))
            {
                Assert.Fail($"element {i} of {actual.Length} is {actual[i]}, expected {value}");
            }
        }
    }
}
