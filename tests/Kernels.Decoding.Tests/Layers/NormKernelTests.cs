using Kernels.OpenCL;
using Xunit;
using static Kernels.Decoding.Tests.KernelData;

namespace Kernels.Decoding.Tests;

/// <summary>The norms against double precision on the host.</summary>
[Collection(DeviceCollection.Name)]
public sealed class NormKernelTests(Devices devices)
{
    private const double Epsilon = 1e-6;

    private static readonly (int Rows, int Width, float Scale)[] Sizes =
        [(1, 1, 1), (3, 7, 1), (2, 8, 1e-4f), (5, 192, 1), (9, 1027, 100), (1, 4096, 1)];

    [SkippableTheory]
    [MemberData(nameof(Devices.Numbers), MemberType = typeof(Devices))]
    public void RmsNorm(int number)
    {
        ComputeDevice device = devices.Open(number);
        using var kernels = new LayerKernels(device);
        var random = new Random(3);
        foreach ((int rows, int width, float scale) in Sizes)
        {
            float[] input = [.. Values(random, rows * width).Select(v => v * scale)];
            float[] weight = Values(random, width);
            float[] before = Values(random, rows * width);
            using DeviceBuffer<float> inputBuffer = device.Upload<float>(input);
            using DeviceBuffer<float> weightBuffer = device.Upload<float>(weight);
            using DeviceBuffer<float> output = Output(device, before);
            kernels.RmsNorm(inputBuffer, weightBuffer, output, rows, Epsilon);
            float[] actual = Read(device, output, rows * width);
            using DeviceBuffer<float> sum = Output(device, before);
            kernels.RmsNorm(inputBuffer, weightBuffer, sum, rows, Epsilon, accumulate: true);
            float[] added = Read(device, sum, rows * width);
            for (int r = 0; r < rows; r++)
            {
                double[] expected = Normed(input.AsSpan(r * width, width), weight);
                for (int i = 0; i < width; i++)
                {
                    int at = (r * width) + i;
                    AssertClose(expected[i], actual[at], 2e-6, $"{rows} × {width}: [{r}, {i}]");
                    Assert.Equal(before[at] + expected[i], added[at], tolerance: 2e-6 * (1 + Math.Abs(expected[i])));
                }
            }
        }
    }

    [SkippableTheory]
    [MemberData(nameof(Devices.Numbers), MemberType = typeof(Devices))]
    public void RmsNormHeads(int number)
    {
        ComputeDevice device = devices.Open(number);
        using var kernels = new LayerKernels(device);
        var random = new Random(4);
        foreach ((int tokens, HeadSlice slice) in ((int, HeadSlice)[])[(1, HeadSlice.Packed(1, 2)), (3, new(70, 5, 16, 4, 16)),
            (5, new(40, 3, 12, 3, 9)), (2, new(300, 0, 100, 2, 128))])
        {
            float[] input = Values(random, tokens * slice.Stride);
            float[] weight = Values(random, slice.HeadDim);
            using DeviceBuffer<float> inputBuffer = device.Upload<float>(input);
            using DeviceBuffer<float> weightBuffer = device.Upload<float>(weight);
            using DeviceBuffer<float> output = Output(device, tokens * slice.Width);
            kernels.RmsNormHeads(inputBuffer, slice, weightBuffer, output, tokens, Epsilon);
            float[] actual = Read(device, output, tokens * slice.Width);
            for (int row = 0; row < tokens * slice.Heads; row++)
            {
                int first = (row / slice.Heads * slice.Stride) + slice.Offset + (row % slice.Heads * slice.HeadStride);
                double[] expected = Normed(input.AsSpan(first, slice.HeadDim), weight);
                for (int i = 0; i < slice.HeadDim; i++)
                {
                    AssertClose(expected[i], actual[(row * slice.HeadDim) + i], 2e-6, $"{slice}: [{row}, {i}]");
                }
            }
        }
    }

    [SkippableTheory]
    [MemberData(nameof(Devices.Numbers), MemberType = typeof(Devices))]
    public void LayerNorm(int number)
    {
        ComputeDevice device = devices.Open(number);
        using var kernels = new LayerKernels(device);
        var random = new Random(5);
        foreach ((int rows, int width, float scale) in Sizes)
        {
            // A mean far from 0: the variance must not be a difference of large numbers.
            float[] input = [.. Values(random, rows * width).Select(v => (v + 50) * scale)];
            float[] weight = Values(random, width);
            float[] bias = Values(random, width);
            using DeviceBuffer<float> inputBuffer = device.Upload<float>(input);
            using DeviceBuffer<float> weightBuffer = device.Upload<float>(weight);
            using DeviceBuffer<float> biasBuffer = device.Upload<float>(bias);
            using DeviceBuffer<float> output = Output(device, rows * width);
            kernels.LayerNorm(inputBuffer, weightBuffer, biasBuffer, output, rows, Epsilon);
            float[] actual = Read(device, output, rows * width);
            using DeviceBuffer<float> centred = Output(device, rows * width);
            kernels.LayerNorm(inputBuffer, weightBuffer, bias: null, centred, rows, Epsilon);
            float[] unbiased = Read(device, centred, rows * width);
            for (int r = 0; r < rows; r++)
            {
                double[] row = [.. input.AsSpan(r * width, width).ToArray().Select(v => (double)v)];
                double mean = row.Average();
                double root = Math.Sqrt(row.Average(v => (v - mean) * (v - mean)) + Epsilon);
                for (int i = 0; i < width; i++)
                {
                    Assert.Equal(((row[i] - mean) / root * weight[i]) + bias[i], actual[(r * width) + i], tolerance: 3e-5);
                    Assert.Equal((row[i] - mean) / root * weight[i], unbiased[(r * width) + i], tolerance: 3e-5);
                }
            }
        }
    }

    private static double[] Normed(ReadOnlySpan<float> row, float[] weight)
    {
        double[] values = [.. row.ToArray().Select(v => (double)v)];
        double root = Math.Sqrt(values.Average(v => v * v) + Epsilon);
        return [.. values.Select((v, i) => v / root * weight[i])];
    }
}
