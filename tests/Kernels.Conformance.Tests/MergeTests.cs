using Kernels.OpenCL;

namespace Kernels.Conformance.Tests;

/// <summary>Merged outputs and LSEs against a softmax over the LSEs in double precision.</summary>
[Collection(DeviceCollection.Name)]
public sealed class MergeTests(DeviceFixture fixture)
{
    private const int Tokens = 7, Heads = 3, Dim = 11;

    public static TheoryData<int, bool> Cases
    {
        get
        {
            var data = new TheoryData<int, bool>();
            foreach (int states in new[] { 1, 2, 3, 5, 17, 32, 55, 97, 133 })
            {
                data.Add(states, false);
                data.Add(states, true);
            }

            return data;
        }
    }

    [SkippableTheory]
    [MemberData(nameof(Cases))]
    public void Float32(int states, bool sinks)
    {
        Check<float>(states, sinks, KernelTarget.Cpu, 1e-5);
        Check<float>(states, sinks, KernelTarget.Portable, 1e-5);
    }

    [SkippableTheory]
    [InlineData(5)]
    [InlineData(133)]
    public void Storage16(int states)
    {
        Check<Half>(states, true, KernelTarget.Cpu, 1e-3);
        Check<BFloat16>(states, false, KernelTarget.Portable, 1e-2);
    }

    [SkippableFact]
    public void SinkFarAboveTheKeysLeavesTheLse() => Check<float>(5, true, KernelTarget.Portable, 1e-5, sinkOffset: 200);

    [SkippableFact]
    public void WrongArgumentsAreRefused()
    {
        AttentionShape shape = Shape(ElementType.Float32, false);
        using var launcher = new AttentionLauncher<RuntimeSpec, float>(fixture.Device, RuntimeSpec.Describe(shape));
        using DeviceBuffer<float> large = fixture.Device.Allocate<float>(2 * Tokens * Heads * Dim), small = fixture.Device.Allocate<float>((Tokens * Heads) - 1);
        Assert.Throws<ArgumentOutOfRangeException>("states", () => launcher.MergeStates(0, Tokens, large, large, large, large));
        Assert.Throws<ArgumentException>("outputs", () => launcher.MergeStates(3, Tokens, large, large, large, large));
        Assert.Throws<ArgumentException>("lse", () => launcher.MergeStates(2, Tokens, large, small, large, large));
        Assert.Throws<ArgumentException>("merged", () => launcher.MergeStates(2, Tokens, large, large, small, large));
        Assert.Throws<ArgumentException>("mergedLse", () => launcher.MergeStates(2, Tokens, large, large, large, small));
    }

    private static AttentionShape Shape(ElementType storage, bool sinks) =>
        CaseMatrix.Shape(Heads, 1, 8, Dim, AttentionMask.None, storage, storage, KvLayout.Hnd) with { Sinks = sinks };

    private void Check<T>(int states, bool hasSinks, KernelTarget target, double tolerance, double sinkOffset = 0) where T : unmanaged
    {
        var random = new Random(states);
        const int Rows = Tokens * Heads;
        float[] sinks = [.. Enumerable.Range(0, Heads).Select(_ => (float)(sinkOffset + random.NextDouble()))];
        float[] lse = new float[states * Rows];
        T[] outputs = new T[lse.Length * Dim];
        for (int i = 0; i < lse.Length; i++)
        {
            // The first row has nothing at all; in the others every fourth state is empty, and what it has as its output is not looked at.
            bool empty = i % Rows == 0 || random.Next(4) == 0;
            lse[i] = empty ? (random.Next(2) == 0 ? float.NegativeInfinity : float.PositiveInfinity) : (float)((40 * random.NextDouble()) - 20);
            for (int d = 0; d < Dim; d++)
            {
                outputs[(i * Dim) + d] = Elements.From<T>(empty ? float.NaN : (float)((2 * random.NextDouble()) - 1));
            }
        }

        ComputeDevice device = fixture.Device;
        using var launcher = new AttentionLauncher<RuntimeSpec, T>(device, RuntimeSpec.Describe(Shape(HostElement.Of<T>(), hasSinks)), target);
        using DeviceBuffer<float> deviceLse = device.Upload<float>(lse), deviceSinks = device.Upload<float>(sinks), mergedLse = device.Allocate<float>(Rows);
        using DeviceBuffer<T> deviceOutputs = device.Upload<T>(outputs), merged = device.Allocate<T>(Rows * Dim);
        launcher.Sinks = deviceSinks;
        launcher.MergeStates(states, Tokens, deviceOutputs, deviceLse, merged, mergedLse).Dispose();
        T[] actual = new T[Rows * Dim];
        float[] actualLse = new float[Rows];
        device.Queue.Read(merged, actual.AsSpan());
        device.Queue.Read(mergedLse, actualLse.AsSpan());

        for (int row = 0; row < Rows; row++)
        {
            int[] full = [.. Enumerable.Range(0, states).Where(state => float.IsFinite(lse[(state * Rows) + row]))];
            double sink = hasSinks ? sinks[row % Heads] : double.NegativeInfinity;
            double total = full.Sum(state => Math.Exp((double)lse[(state * Rows) + row]));
            if (full.Length == 0)
            {
                Assert.Equal(float.NegativeInfinity, actualLse[row]);
            }
            else
            {
                Assert.Equal(Math.Log(total), actualLse[row], 1e-5 * Math.Max(1, Math.Abs(Math.Log(total))));
            }

            for (int d = 0; d < Dim; d++)
            {
                // Without its own sink a state's output is O·(1 + e^(sink − LSE)).
                double sum = full.Sum(state => (Math.Exp((double)lse[(state * Rows) + row]) + Math.Exp(sink)) * Elements.ToFloat(outputs[(((state * Rows) + row) * Dim) + d]));
                double expected = full.Length == 0 ? 0 : sum / (total + Math.Exp(sink));
                Assert.Equal(expected, Elements.ToFloat(actual[(row * Dim) + d]), tolerance * Math.Max(1, Math.Abs(expected)));
            }
        }
    }
}
