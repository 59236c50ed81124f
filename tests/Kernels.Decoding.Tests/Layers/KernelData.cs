using System.Runtime.InteropServices;
using Kernels.OpenCL;
using Xunit;

namespace Kernels.Decoding.Tests;

/// <summary>
/// What the tests of kernels give them, and how they read what comes back: what lies behind an output must stay as it was.
/// </summary>
internal static class KernelData
{
    private const float Untouched = -77777;
    private const int Margin = 37;

    public static float[] Values(Random random, int count) =>
        [.. Enumerable.Range(0, count).Select(_ => (float)((random.NextDouble() * 2) - 1))];

    /// <summary>
    /// Matrices below each other in a stored type and a layout, row-major by default, and what their elements are once rounded to the type.
    /// </summary>
    public static (float[] Values, WeightMatrix Matrix) Weights(
        ComputeDevice device, ElementType type, float[] values, int rows, int columns, WeightLayout? layout = null, int count = 1)
    {
        switch (type)
        {
            case ElementType.Float32:
                return (values, Upload(values));
            case ElementType.Float16:
                Half[] halves = [.. values.Select(v => (Half)v)];
                halves[0] = BitConverter.UInt16BitsToHalf(1); // the smallest subnormal
                return ([.. halves.Select(v => (float)v)], Upload(halves));
            default:
                BFloat16[] shorts = [.. values.Select(v => (BFloat16)v)];
                return ([.. shorts.Select(v => (float)v)], Upload(shorts));
        }

        // What fills the last panels is NaN, which must not reach an output.
        WeightMatrix Upload<T>(T[] elements) where T : unmanaged
        {
            WeightLayout order = layout ?? WeightLayout.RowMajor;
            var packed = new T[WeightMatrix.Elements(rows, columns, order, count)];
            MemoryMarshal.AsBytes(packed.AsSpan()).Fill(0xff);
            int each = rows / count;
            for (int i = 0; i < count; i++)
            {
                order.Pack<T>(
                    elements.AsSpan(i * each * columns, each * columns), columns, 1, each, columns,
                    packed.AsSpan(i * order.PaddedRows(each) * columns));
            }

            return WeightMatrix.From(device.Upload<T>(packed), rows, columns, order, count);
        }
    }

    public static DeviceBuffer<float> Output(ComputeDevice device, int length) =>
        Output(device, Enumerable.Repeat(Untouched, length).ToArray());

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
