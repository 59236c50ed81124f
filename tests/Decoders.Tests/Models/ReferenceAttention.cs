using Kernels;
using Kernels.OpenCL;

namespace Decoders.Tests;

/// <summary>Attention on the host in double precision: it reads the device's buffers back, and writes its output there.</summary>
internal sealed class ReferenceAttention : IDecoderAttention
{
    private readonly ComputeDevice device;
    private readonly AttentionShape[] shapes;
    private readonly List<double>[,] keys;
    private readonly List<double>[,] values;
    private readonly int[] lengths;
    private (int Sequence, int Tokens)[] step = [];

    public ReferenceAttention(ComputeDevice device, ModelConfig config, int sequences, int capacity)
    {
        this.device = device;
        shapes = [.. config.Layers.Select(layer => Shape(layer.Attention))];
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
        foreach ((int sequence, int tokens) in step)
        {
            lengths[sequence] += tokens;
        }
    }

    public void AppendAndAttend(
        int layer, DeviceBuffer<float> q, DeviceBuffer<float> k, DeviceBuffer<float> v, DeviceBuffer<float> o, DeviceBuffer<float>? sinks)
    {
        AttentionShape shape = shapes[layer];
        int tokens = step.Sum(s => s.Tokens);
        int queryWidth = shape.QueryHeads * shape.HeadDim;
        int keyWidth = shape.KvHeads * shape.HeadDim;
        double[] queries = Read(q, tokens * queryWidth);
        double[] newKeys = Read(k, tokens * keyWidth);
        double[] newValues = Read(v, tokens * keyWidth);
        var options = new ReferenceOptions { Sinks = sinks is null ? null : [.. Read(sinks, shape.QueryHeads).Select(value => (float)value)] };
        var output = new float[queries.Length];
        var row = new double[shape.HeadDim];
        int first = 0;
        foreach ((int sequence, int count) in step)
        {
            keys[layer, sequence].AddRange(newKeys.AsSpan(first * keyWidth, count * keyWidth));
            values[layer, sequence].AddRange(newValues.AsSpan(first * keyWidth, count * keyWidth));
            double[] sequenceKeys = [.. keys[layer, sequence]];
            double[] sequenceValues = [.. values[layer, sequence]];
            for (int token = 0; token < count; token++)
            {
                for (int head = 0; head < shape.QueryHeads; head++)
                {
                    Kernels.ReferenceAttention.Row(
                        shape, queries.AsSpan(first * queryWidth, count * queryWidth), sequenceKeys, sequenceValues, count, lengths[sequence], token, head, row, options);
                    for (int i = 0; i < row.Length; i++)
                    {
                        output[((first + token) * queryWidth) + (head * shape.HeadDim) + i] = (float)row[i];
                    }
                }
            }

            first += count;
        }

        device.Queue.Write<float>(o, output);
    }

    public void Dispose() => IsDisposed = true;

    private static AttentionShape Shape(AttentionGeometry geometry) => new(
        geometry.QueryHeads, geometry.KvHeads, geometry.HeadDim, geometry.HeadDim, geometry.Scale, AttentionMask.Causal,
        ElementType.Float32, ElementType.Float32, KvLayout.Nhd)
    {
        WindowLeft = geometry.WindowLeft,
        Softcap = geometry.Softcap,
        Alibi = geometry.Alibi,
        Sinks = geometry.Sinks,
    };

    private double[] Read(DeviceBuffer<float> buffer, int length)
    {
        var result = new float[length];
        device.Queue.Read(buffer, result);
        return [.. result.Select(value => (double)value)];
    }
}
