using Kernels.OpenCL;
using Xunit;
using static Kernels.Decoding.Tests.KernelData;

namespace Kernels.Decoding.Tests;

/// <summary>What moves and multiplies heads where they lie in longer rows; what lies between them must stay as it was.</summary>
[Collection(DeviceCollection.Name)]
public sealed class HeadKernelTests(Devices devices)
{
    [SkippableTheory]
    [MemberData(nameof(Devices.Forms), MemberType = typeof(Devices))]
    internal void HeadLinear(int number, LinearForm form)
    {
        ComputeDevice device = devices.Open(number);
        using var kernels = new LayerKernels(device, form);
        var random = new Random(21);
        foreach (ElementType type in (ElementType[])[ElementType.Float32, ElementType.Float16, ElementType.BFloat16])
        {
            foreach ((int tokens, HeadSlice from, HeadSlice to) in ((int, HeadSlice, HeadSlice)[])
            [
                (1, HeadSlice.Packed(1, 1), HeadSlice.Packed(1, 1)),
                (1, new(192, 16, 48, 4, 32), new(320, 0, 80, 4, 70)),
                (3, new(50, 2, 12, 4, 7), new(150, 1, 37, 4, 33)),
                (4, HeadSlice.Packed(6, 32), new(480, 0, 80, 6, 64)),
                (5, new(40, 3, 0, 3, 32), HeadSlice.Packed(3, 16)),
                (9, HeadSlice.Packed(2, 512), HeadSlice.Packed(2, 130)),
            ])
            {
                float[] x = Values(random, tokens * from.Stride);
                (float[] w, WeightMatrix matrix) = Weights(device, type, Values(random, from.Width * to.HeadDim), from.Width, to.HeadDim);
                float[] before = Values(random, tokens * to.Stride);
                using DeviceBuffer<float> input = device.Upload<float>(x);
                using DeviceBuffer<float> output = Output(device, before);
                kernels.HeadLinear(input, from, matrix, output, to, tokens);
                float[] actual = Read(device, output, before.Length);
                matrix.Dispose();

                double[] expected = [.. before.Select(v => (double)v)];
                for (int t = 0; t < tokens; t++)
                {
                    for (int h = 0; h < to.Heads; h++)
                    {
                        for (int c = 0; c < to.HeadDim; c++)
                        {
                            expected[(t * to.Stride) + to.Offset + (h * to.HeadStride) + c] = Enumerable.Range(0, from.HeadDim).Sum(k =>
                                (double)x[(t * from.Stride) + from.Offset + (h * from.HeadStride) + k]
                                * w[(((h * from.HeadDim) + k) * to.HeadDim) + c]);
                        }
                    }
                }

                Assert.All(actual, (value, i) => Assert.Equal(expected[i], value, tolerance: 1e-6 * from.HeadDim));
            }
        }
    }

    [SkippableTheory]
    [MemberData(nameof(Devices.Numbers), MemberType = typeof(Devices))]
    public void CopyHeads(int number)
    {
        ComputeDevice device = devices.Open(number);
        using var kernels = new LayerKernels(device);
        var random = new Random(22);
        foreach ((int tokens, HeadSlice from, HeadSlice to) in ((int, HeadSlice, HeadSlice)[])
        [
            (1, HeadSlice.Packed(1, 1), HeadSlice.Packed(1, 1)),
            (7, new(61, 5, 11, 4, 9), new(100, 3, 20, 4, 9)),
            (3, new(48, 32, 0, 4, 16), new(192, 0, 48, 4, 16)),
        ])
        {
            float[] x = Values(random, tokens * from.Stride);
            float[] expected = Values(random, tokens * to.Stride);
            using DeviceBuffer<float> input = device.Upload<float>(x);
            using DeviceBuffer<float> output = Output(device, expected);
            kernels.CopyHeads(input, from, output, to, tokens);
            for (int t = 0; t < tokens; t++)
            {
                for (int h = 0; h < to.Heads; h++)
                {
                    x.AsSpan((t * from.Stride) + from.Offset + (h * from.HeadStride), to.HeadDim)
                        .CopyTo(expected.AsSpan((t * to.Stride) + to.Offset + (h * to.HeadStride)));
                }
            }

            Assert.Equal(expected, Read(device, output, expected.Length));
        }
    }

    /// <summary>To float16, rounded to the nearest, and back.</summary>
    [SkippableTheory]
    [MemberData(nameof(Devices.Forms), MemberType = typeof(Devices))]
    internal void CopiesHeadsToFloat16AndBack(int number, LinearForm form) =>
        CopyBetweenTypes(number, form, value => (Half)value, half => (float)half);

    /// <summary>To bfloat16, rounded to the nearest with ties to even, and back; numbers beyond float16 too.</summary>
    [SkippableTheory]
    [MemberData(nameof(Devices.Forms), MemberType = typeof(Devices))]
    internal void CopiesHeadsToBFloat16AndBack(int number, LinearForm form) =>
        CopyBetweenTypes<BFloat16>(
            number, form, value => (BFloat16)value, half => half, 1e30f, -1e-30f, 1 + (1 / 256f), 1 + (3 / 256f), float.PositiveInfinity,
            float.NaN, float.MaxValue);

    private void CopyBetweenTypes<T>(int number, LinearForm form, Func<float, T> narrow, Func<T, float> widen, params float[] special)
        where T : unmanaged
    {
        ComputeDevice device = devices.Open(number);
        using var kernels = new LayerKernels(device, form);
        const int Tokens = 5, Positions = 40;
        var slice = new HeadSlice(3 * 50, 7, 50, 2, 43);
        HeadSlice packed = HeadSlice.Packed(2, 43);
        float[] x = Values(new Random(23), Tokens * slice.Stride);

        // Where they are copied, in vectors of the first head and one by one at the end of the second.
        special.CopyTo(x, slice.Offset);
        special.CopyTo(x, slice.Offset + slice.HeadStride + slice.HeadDim - special.Length);
        using DeviceBuffer<float> input = device.Upload<float>(x);
        using DeviceBuffer<T> halves = device.Allocate<T>(Tokens * packed.Width);
        using DeviceBuffer<float> output = Output(device, Tokens * packed.Width);
        kernels.TakeHeads(input, slice, halves, Tokens);
        T[] expected = [.. Enumerable.Range(0, Tokens).SelectMany(t => Enumerable.Range(0, 2).SelectMany(
            h => x.Skip((t * slice.Stride) + slice.Offset + (h * slice.HeadStride)).Take(slice.HeadDim))).Select(narrow)];
        var actual = new T[expected.Length];
        device.Queue.Read(halves, actual);
        Assert.Equal(expected, actual);

        kernels.CopyHeads(halves, packed, output, packed, Tokens);
        Assert.Equal(expected.Select(widen), Read(device, output, expected.Length));

        // Turned as in float32, and then rounded.
        using RotaryTable table = RotaryTable.Create(device, new RopeConfig { RotaryDim = 42, Theta = 10000 }, Positions);
        using DeviceBuffer<int> positions = device.Upload<int>([0, 39, 5, 6, 17]);
        kernels.Rope(input, slice, output, positions, table, RopePairs.HalfSplit, Tokens);
        kernels.Rope(input, slice, halves, positions, table, RopePairs.HalfSplit, Tokens);
        float[] turned = Read(device, output, expected.Length);
        device.Queue.Read(halves, actual);
        Assert.Equal(turned.Select(narrow), actual);
    }

    [SkippableFact]
    public void RefusesHeadsThatDoNotFit()
    {
        ComputeDevice device = devices.OpenFirst();
        using var kernels = new LayerKernels(device);
        using DeviceBuffer<float> buffer = device.Allocate<float>(64);
        using DeviceBuffer<float> other = device.Allocate<float>(64);
        using WeightMatrix matrix = WeightMatrix.From(device.Allocate<float>(32), 8, 4);
        HeadSlice heads = HeadSlice.Packed(2, 4);

        Assert.Throws<ArgumentException>(() => kernels.CopyHeads(buffer, heads, other, HeadSlice.Packed(2, 3), 1));
        Assert.Throws<ArgumentException>(() => kernels.CopyHeads(buffer, heads, other, heads, 9));
        using DeviceBuffer<int> integers = device.Allocate<int>(64);
        Assert.Throws<ArgumentException>("input", () => kernels.CopyHeads(integers, heads, other, heads, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => kernels.CopyHeads(buffer, heads with { Offset = 1 }, other, heads, 1));
        Assert.Throws<ArgumentException>(() => kernels.HeadLinear(buffer, HeadSlice.Packed(1, 4), matrix, other, heads, 1));
        Assert.Throws<ArgumentException>(() => kernels.HeadLinear(buffer, heads, matrix, other, HeadSlice.Packed(2, 3), 1));
        Assert.Throws<ArgumentException>(() => kernels.HeadLinear(buffer, heads, matrix, other, heads, 9));
    }
}
