using Kernels;
using Kernels.OpenCL;
using Xunit;

namespace Decoders.Tests;

/// <summary>What the tests of kernels give them, and how they read what comes back: what lies behind an output must stay as it was.</summary>
internal static class KernelData
{
    private const float Untouched = -77777;
    private const int Margin = 37;

    public static float[] Values(Random random, int count) => [.. Enumerable.Range(0, count).Select(_ => (float)((random.NextDouble() * 2) - 1))];

    /// <summary>A matrix in a stored type, and what its elements are once rounded to it.</summary>
    public static (float[] Values, WeightMatrix Matrix) Weights(ComputeDevice device, ElementType type, float[] values, int rows, int columns)
    {
        switch (type)
        {
            case ElementType.Float32:
                return (values, WeightMatrix.From(device.Upload<float>(values), rows, columns));
            case ElementType.Float16:
                Half[] halves = [.. values.Select(v => (Half)v)];
                halves[0] = BitConverter.UInt16BitsToHalf(1); // the smallest subnormal
                return ([.. halves.Select(v => (float)v)], WeightMatrix.From(device.Upload<Half>(halves), rows, columns));
            default:
                BFloat16[] shorts = [.. values.Select(v => (BFloat16)v)];
                return ([.. shorts.Select(v => (float)v)], WeightMatrix.From(device.Upload<BFloat16>(shorts), rows, columns));
        }
    }

    public static DeviceBuffer<float> Output(ComputeDevice device, int length) => Output(device, Enumerable.Repeat(Untouched, length).ToArray());

    public static DeviceBuffer<float> Output(ComputeDevice device, float[] before) =>
        device.Upload<float>([.. before, .. Enumerable.Repeat(Untouched, Margin)]);

    public static float[] Read(ComputeDevice device, DeviceBuffer<float> buffer, int length)
    {
        var values = new float[length + Margin];
        device.Queue.Read(buffer, values);
        Assert.All(values[length..], v => Assert.Equal(Untouched, v));
        return values[..length];
    }

    public static void AssertClose(double expected, float actual, double relative, string what) =>
        Assert.True(Math.Abs(expected - actual) <= (relative * Math.Abs(expected)) + 1e-30, $"{what} is {actual}, not {expected}");
}
