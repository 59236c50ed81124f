using System.Runtime.InteropServices;
using Kernels.OpenCL;

namespace Kernels.Conformance;

/// <summary>
/// Runs the append kernel alone, with slots of its own choice, and compares every byte of the cache with what the rules
/// say: those that were to be written and those that were not.
/// </summary>
internal sealed class AppendRunner(ComputeDevice device, KernelTarget? target = null)
{
    private const int Tokens = 41;

    // Of the contiguous cache, whose sequences are as long.
    private const int Capacity = 24;
    private const byte Untouched = 0xA5;

    /// <returns>What was wrong, or null.</returns>
    public string? Run(AppendCase test) => test.Shape.Storage switch
    {
        ElementType.Float32 => Run<float>(test),
        ElementType.Float16 => Run<Half>(test),
        ElementType.BFloat16 => Run<BFloat16>(test),
        _ => throw new ArgumentOutOfRangeException(nameof(test), test.Shape.Storage, "No host type for this storage."),
    };

    private string? Run<T>(AppendCase test) where T : unmanaged
    {
        AttentionShape shape = test.Shape;
        AttentionDescriptor descriptor = RuntimeSpec.Describe(shape);
        KernelTarget chosen = target ?? (device.Capabilities.Kind == DeviceKind.Cpu ? KernelTarget.Cpu : KernelTarget.Portable);
        if (!descriptor.Targets.Contains(chosen))
        {
            chosen = KernelTarget.Portable;
        }

        var random = new Random(test.Seed);
        int together = shape.PageSize == 0 ? Capacity : shape.PageSize;
        int[] slots = Slots(random, together * ((Tokens + 40) / together + 1));

        // Which of the NaNs of a shorter type comes out of a conversion is the device's affair.
        bool withNaN = shape.CacheStorage == shape.Storage || shape.CacheScale != CacheScale.None;
        bool turns = shape.Rope != RopeStyle.None;
        T[] newKeys = Rows<T>(Tokens * shape.KvHeads, shape.HeadDim, withNaN, random, finite: turns);
        T[] newValues = Rows<T>(Tokens * shape.KvHeads, shape.ValueDim, withNaN, random, finite: false);
        RopeTable? rope = turns ? RopeTable.Plain(2 * Tokens, shape.RotaryDim) : null;
        int[] positions = [.. Enumerable.Range(0, Tokens).Select(_ => random.Next(2 * Tokens))];
        int rows = together * ((Tokens + 40) / together + 1) * shape.KvHeads;
        float[] headScales = [.. Enumerable.Range(0, 2 * shape.KvHeads).Select(i => i == 0 ? 1 : (float)Math.Exp(random.NextDouble() - 3))];

        var keys = new Side(shape, shape.HeadDim, rows, headScales.AsSpan(0, shape.KvHeads));
        var values = new Side(shape, shape.ValueDim, rows, headScales.AsSpan(shape.KvHeads));
        using DeviceBuffer<T> deviceNewKeys = device.Upload<T>(newKeys), deviceNewValues = device.Upload<T>(newValues);
        // Not touched in a latent cache.
        using DeviceBuffer<byte> deviceKeys = device.Upload<byte>(keys.Bytes), deviceValues = device.Upload<byte>(values.Bytes);
        using DeviceBuffer<float> keyScales = device.Upload<float>(keys.Scales), valueScales = device.Upload<float>(values.Scales);

        // The slots do not begin at the plan's beginning.
        const int SlotsAt = 3;
        using DeviceBuffer<int> plan = device.Upload<int>([int.MinValue, int.MinValue, int.MinValue, .. slots, .. positions]);
        using ComputeKernel kernel = device.Programs.GetOrBuild(descriptor.Source(chosen, KernelAlgorithm.Append), name: test.ToString())
            .CreateKernel("kv_append");
        kernel.Set(0, deviceNewKeys).Set(1, deviceNewValues).Set(2, deviceKeys).Set(3, deviceValues).Set(4, plan).Set(5, SlotsAt)
            .Set(6, Capacity);
        int next = 7;
        if (shape.CacheScale is CacheScale.PerToken or CacheScale.PerHead)
        {
            kernel.Set(next++, keyScales).Set(next++, valueScales);
        }

        using DeviceBuffer<float> angles = device.Upload<float>(rope is null ? [0f] : rope.Values);
        if (turns)
        {
            kernel.Set(next++, SlotsAt + Tokens).Set(next, angles);
        }

        int workGroup = descriptor.Geometry(chosen).AppendWorkGroupSize;
        device.Queue.Enqueue(kernel, new NDRange((nuint)(Tokens * workGroup), (nuint)shape.KvHeads), new NDRange((nuint)workGroup))
            .Dispose();

        for (int token = 0; token < Tokens; token++)
        {
            for (int head = 0; slots[token] >= 0 && head < shape.KvHeads; head++)
            {
                int from = (token * shape.KvHeads) + head;
                int row = (int)CacheContents.RowOf(shape, together, slots[token], head);
                Span<T> key = newKeys.AsSpan(from * shape.HeadDim, shape.HeadDim);
                if (rope is null)
                {
                    keys.Write<T>(row, head, key);
                }
                else
                {
                    keys.WriteWide(row, head, RopeRow.Turn<T>(shape, key, positions[token], rope));
                }

                if (!shape.LatentCache)
                {
                    values.Write(row, head, newValues.AsSpan(from * shape.ValueDim, shape.ValueDim));
                }
            }
        }

        return Difference(shape, "keys", keys, deviceKeys, keyScales) ?? Difference(shape, "values", values, deviceValues, valueScales);
    }

    /// <summary>A slot for each token in random order, every fifth or so negative.</summary>
    private static int[] Slots(Random random, int count)
    {
        int[] all = [.. Enumerable.Range(0, count)];
        random.Shuffle(all);
        int[] slots = all[..Tokens];
        for (int i = 0; i < Tokens; i++)
        {
            slots[i] = random.Next(5) == 0 ? -1 : slots[i];
        }

        return slots;
    }

    /// <summary>Random rows of widely different sizes, and such as quantisation must take care of.</summary>
    private static T[] Rows<T>(int rows, int dim, bool withNaN, Random random, bool finite) where T : unmanaged
    {
        var data = new T[rows * dim];
        for (int row = 0; row < rows; row++)
        {
            double size = Math.ScaleB(1, random.Next(-12, 9));
            for (int d = 0; d < dim; d++)
            {
                data[(row * dim) + d] = Elements.From<T>((float)(size * ((2 * random.NextDouble()) - 1) * ((2 * random.NextDouble()) - 1)));
            }

            int at = row * dim;
            switch (row % 11)
            {
                case 1: // all zero, of either sign
                    data.AsSpan(at, dim).Clear();
                    data[at + 1] = Elements.From<T>(-0.0f);
                    break;
                case 2: // between the steps: quotients of exactly n + 1/2
                    data.AsSpan(at, dim).Clear();
                    for (int d = 0; d < dim; d++)
                    {
                        data[at + d] = Elements.From<T>(((d % 15) - 7.5f) / 4);
                    }

                    data[at] = Elements.From<T>(127f / 4);
                    break;
                case 3: // too small for a scale, where the type has such numbers
                    data.AsSpan(at, dim).Fill(Elements.From<T>(1e-31f));
                    break;
                case 4: // in the range where e4m3 is subnormal
                    for (int d = 0; d < dim; d++)
                    {
                        data[at + d] = Elements.From<T>((d - 8) / 1024f);
                    }

                    break;
                case 5 when withNaN && !finite:
                    data[at + (dim / 2)] = Elements.From<T>(float.NaN);
                    break;
                case 6 when !finite: // what turns would become NaN, and which one is the device's affair
                    data[at + dim - 1] = Elements.From<T>(float.NegativeInfinity);
                    break;
                case 7: // around the largest that e4m3 has, between it and what would come next
                    for (int d = 0; d < dim; d++)
                    {
                        data[at + d] = Elements.From<T>(420 + (8 * (d % 9)));
                    }

                    break;
            }
        }

        return data;
    }

    private static string? Difference(
        AttentionShape shape, string what, Side expected, DeviceBuffer<byte> bytes, DeviceBuffer<float> scales)
    {
        byte[] actual = new byte[expected.Bytes.Length];
        bytes.Device.Queue.Read(bytes, actual.AsSpan());
        if (shape.CacheScale == CacheScale.PerHead)
        {
            // A NaN is one with either sign; not every device keeps it when it widens a number.
            for (int i = 0; i < actual.Length; i++)
            {
                actual[i] = (actual[i] & 0x7F) == 0x7F && (expected.Bytes[i] & 0x7F) == 0x7F ? expected.Bytes[i] : actual[i];
            }
        }

        int at = actual.AsSpan().CommonPrefixLength(expected.Bytes);
        if (at < actual.Length)
        {
            return $"byte {at % expected.RowBytes} of row {at / expected.RowBytes} of the {what} is 0x{actual[at]:X2}, expected "
                + $"0x{expected.Bytes[at]:X2}";
        }

        float[] actualScales = new float[expected.Scales.Length];
        scales.Device.Queue.Read(scales, actualScales.AsSpan());
        for (int row = 0; row < actualScales.Length; row++)
        {
            if (!(actualScales[row] == expected.Scales[row] || (float.IsNaN(actualScales[row]) && float.IsNaN(expected.Scales[row]))))
            {
                return $"the scale of row {row} of the {what} is {actualScales[row]:G9}, expected {expected.Scales[row]:G9}";
            }
        }

        return null;
    }

    /// <summary>What the keys, or the values, of a cache must be.</summary>
    private sealed class Side
    {
        private readonly AttentionShape shape;

        public Side(AttentionShape shape, int dim, int rows, ReadOnlySpan<float> headScales)
        {
            this.shape = shape;
            RowBytes = shape.CacheScale == CacheScale.PerGroup
                ? LatentRow.Bytes(shape.HeadDim, shape.ValueDim) : shape.CacheStorage.RowBytes(dim);
            Bytes = new byte[rows * RowBytes];
            Bytes.AsSpan().Fill(Untouched);
            Scales = headScales.ToArray();
            if (shape.CacheScale == CacheScale.PerToken)
            {
                Scales = new float[rows];
                Scales.AsSpan().Fill(-1);
            }
        }

        public int RowBytes { get; }

        public byte[] Bytes { get; }

        public float[] Scales { get; }

        public void Write<T>(int row, int head, ReadOnlySpan<T> values) where T : unmanaged
        {
            Span<byte> bytes = Bytes.AsSpan(row * RowBytes, RowBytes);
            if (shape.CacheStorage == shape.Storage)
            {
                MemoryMarshal.AsBytes(values).CopyTo(bytes);
                return;
            }

            float[] wide = new float[values.Length];
            for (int i = 0; i < wide.Length; i++)
            {
                wide[i] = Elements.ToFloat(values[i]);
            }

            WriteWide(row, head, wide);
        }

        /// <summary>Writes what has been calculated in float32.</summary>
        public void WriteWide(int row, int head, ReadOnlySpan<float> wide)
        {
            Span<byte> bytes = Bytes.AsSpan(row * RowBytes, RowBytes);
            if (shape.CacheScale == CacheScale.PerGroup)
            {
                LatentRow.Encode(wide, shape.ValueDim, bytes);
                return;
            }

            float scale = CacheRow.Encode(shape.CacheStorage, wide, shape.CacheScale == CacheScale.PerHead ? Scales[head] : 1, bytes);
            if (shape.CacheScale == CacheScale.PerToken)
            {
                Scales[row] = scale;
            }
        }
    }
}
