using System.Runtime.InteropServices;
using Kernels.OpenCL;

namespace Kernels.Decoding.Tests;

/// <summary>Attention on the host in double precision: it reads the device's buffers back, and writes its output there.</summary>
internal sealed class ReferenceAttention : IDivisibleAttention
{
    private readonly ComputeDevice device;
    private readonly AttentionShape[] shapes;
    private readonly List<double>[,] keys;
    private readonly List<double>[,] values;
    private readonly int[] lengths;
    private readonly List<DeviceBuffer<byte>> copies = [];
    private (int Sequence, int Tokens)[] step = [];
    private (int Sequence, int Tokens)[] attending = [];

    public ReferenceAttention(ComputeDevice device, IEnumerable<AttentionGeometry> layers, int sequences, int capacity)
    {
        this.device = device;
        shapes = [.. layers.Select(Shape)];
        Capacity = capacity;
        keys = new List<double>[shapes.Length, sequences];
        values = new List<double>[shapes.Length, sequences];
        lengths = new int[sequences];
        for (int sequence = 0; sequence < sequences; sequence++)
        {
            Reset(sequence);
        }
    }

    public int Capacity { get; }

    public long CacheBytes => 0;

    public ElementType RowType => ElementType.Float32;

    public bool IsDisposed { get; private set; }

    public int Length(int sequence) => lengths[sequence];

    public void Reset(int sequence)
    {
        lengths[sequence] = 0;
        for (int layer = 0; layer < shapes.Length; layer++)
        {
            keys[layer, sequence] = [];
            values[layer, sequence] = [];
        }
    }

    public void Begin(ReadOnlySpan<(int Sequence, int Tokens)> sequences)
    {
        step = sequences.ToArray();
        attending = step;
        foreach ((int sequence, int tokens) in step)
        {
            lengths[sequence] += tokens;
        }
    }

    public void Attending(ReadOnlySpan<(int Sequence, int Tokens)> queries) => attending = queries.ToArray();

    /// <summary>A copy of the rows on the device, sequence after sequence.</summary>
    public DeviceBuffer<byte> Rows(int layer)
    {
        int width = shapes[layer].HeadDim;
        var rows = new float[lengths.Length * Capacity * width];
        for (int sequence = 0; sequence < lengths.Length; sequence++)
        {
            float[] cached = [.. keys[layer, sequence].Select(value => (float)value)];
            cached.CopyTo(rows.AsSpan(sequence * Capacity * width));
        }

        copies.Add(device.Upload(MemoryMarshal.AsBytes<float>(rows)));
        return copies[^1];
    }

    public void Slots(int sequence, Span<int> slots)
    {
        for (int i = 0; i < slots.Length; i++)
        {
            slots[i] = (sequence * Capacity) + i;
        }
    }

    public IEnumerable<string> Describe() => ["the reference"];

    public void Append(int layer, DeviceBuffer k, DeviceBuffer v, AttentionInputs inputs)
    {
        AttentionShape shape = shapes[layer];
        int tokens = step.Sum(s => s.Tokens);
        int keyWidth = shape.KvHeads * shape.HeadDim;
        int valueWidth = shape.KvHeads * shape.ValueDim;
        double[] newKeys = Turn(step, Read((DeviceBuffer<float>)k, tokens * keyWidth), shape, shape.KvHeads, inputs.Rope);

        // What is a value of a latent row does not turn.
        double[] newValues = shape.LatentCache
            ? [.. newKeys.Chunk(shape.HeadDim).SelectMany(row => row.Take(shape.ValueDim))]
            : Read((DeviceBuffer<float>)v, tokens * valueWidth);
        int first = 0;
        foreach ((int sequence, int count) in step)
        {
            Write(keys[layer, sequence], newKeys, keyWidth);
            Write(values[layer, sequence], newValues, valueWidth);
            first += count;

            // At their positions: a cache that layers use in turn holds another's rows there.
            void Write(List<double> cache, double[] rows, int width)
            {
                int begin = (lengths[sequence] - count) * width;
                cache.RemoveRange(begin, cache.Count - begin);
                cache.AddRange(rows.AsSpan(first * width, count * width));
            }
        }
    }

    public void Attend(int layer, DeviceBuffer q, DeviceBuffer o, AttentionInputs inputs)
    {
        AttentionShape shape = shapes[layer];
        int tokens = attending.Sum(s => s.Tokens);
        int queryWidth = shape.QueryHeads * shape.HeadDim;
        double[] queries = Turn(attending, Read((DeviceBuffer<float>)q, tokens * queryWidth), shape, shape.QueryHeads, inputs.Rope);
        var options = new ReferenceOptions
        {
            Sinks = inputs.Sinks is null ? null : [.. Read(inputs.Sinks, shape.QueryHeads).Select(value => (float)value)],
        };
        var output = new List<float>();
        var row = new double[shape.ValueDim];
        int first = 0;
        foreach ((int sequence, int count) in attending)
        {
            double[] sequenceKeys = [.. keys[layer, sequence]];
            double[] sequenceValues = [.. values[layer, sequence]];
            for (int token = 0; token < count; token++)
            {
                for (int head = 0; head < shape.QueryHeads; head++)
                {
                    Kernels.ReferenceAttention.ComputeRow(
                        shape, queries.AsSpan(first * queryWidth, count * queryWidth), sequenceKeys, sequenceValues, count,
                        lengths[sequence], token, head, row, options);
                    output.AddRange(row.Select(value => (float)value));
                }
            }

            first += count;
        }

        device.Queue.Write<float>((DeviceBuffer<float>)o, output.ToArray());
    }

    public void Dispose()
    {
        IsDisposed = true;
        copies.ForEach(copy => copy.Dispose());
    }

    private static AttentionShape Shape(AttentionGeometry geometry) => new(
        geometry.QueryHeads, geometry.KvHeads, geometry.HeadDim, geometry.ValueDim, geometry.Scale, AttentionMask.Causal,
        ElementType.Float32, ElementType.Float32, KvLayout.Nhd)
    {
        WindowLeft = geometry.WindowLeft < 0 ? null : geometry.WindowLeft,
        LatentCache = geometry.LatentCache,
        Rope = geometry.Rope,
        RotaryDim = geometry.RotaryDim,
        Softcap = geometry.Softcap > 0 ? geometry.Softcap : null,
        Alibi = geometry.Alibi,
        Sinks = geometry.Sinks,
    };

    // Each token's rows by its position.
    private double[] Turn((int Sequence, int Tokens)[] part, double[] rows, AttentionShape shape, int heads, DeviceRopeTable? table)
    {
        if (shape.Rope == RopeStyle.None)
        {
            return rows;
        }

        double[] turns = Read(table!.Values, (int)table.Values.Length);
        int half = shape.RotaryDim / 2;
        int row = 0;
        foreach ((int sequence, int count) in part)
        {
            for (int i = 0; i < count * heads; i++, row++)
            {
                int position = lengths[sequence] - count + (i / heads);
                for (int pair = 0; pair < half; pair++)
                {
                    int first = (row * shape.HeadDim) + shape.RotaryBegin + (shape.Rope == RopeStyle.Interleaved ? 2 * pair : pair);
                    int second = first + (shape.Rope == RopeStyle.Interleaved ? 1 : half);
                    (double cosine, double sine) = (turns[((position * half) + pair) * 2], turns[(((position * half) + pair) * 2) + 1]);
                    (rows[first], rows[second]) =
                        ((rows[first] * cosine) - (rows[second] * sine), (rows[second] * cosine) + (rows[first] * sine));
                }
            }
        }

        return rows;
    }

    private double[] Read(DeviceBuffer<float> buffer, int length)
    {
        var result = new float[length];
        device.Queue.Read(buffer, result);
        return [.. result.Select(value => (double)value)];
    }
}
