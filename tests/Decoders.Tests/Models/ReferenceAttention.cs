using Kernels.OpenCL;

namespace Decoders.Tests;

/// <summary>Causal attention on the host in double precision: it reads the device's buffers back, and writes its output there.</summary>
internal sealed class ReferenceAttention : IDecoderAttention
{
    private readonly ComputeDevice device;
    private readonly HeadGeometry heads;
    private readonly List<float>[,] keys;
    private readonly List<float>[,] values;
    private readonly int[] lengths;
    private (int Sequence, int Tokens)[] step = [];

    public ReferenceAttention(ComputeDevice device, ModelConfig config, int sequences, int capacity)
    {
        this.device = device;
        heads = new HeadGeometry(config.QueryHeads, config.KvHeads, config.HeadDim);
        Capacity = capacity;
        keys = new List<float>[config.Layers, sequences];
        values = new List<float>[config.Layers, sequences];
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
        for (int layer = 0; layer < keys.GetLength(0); layer++)
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

    public void AppendAndAttend(int layer, DeviceBuffer<float> q, DeviceBuffer<float> k, DeviceBuffer<float> v, DeviceBuffer<float> o)
    {
        (int queryHeads, int kvHeads, int dim) = heads;
        int tokens = step.Sum(s => s.Tokens);
        float[] queries = Read(q, tokens * queryHeads * dim);
        float[] newKeys = Read(k, tokens * kvHeads * dim);
        float[] newValues = Read(v, tokens * kvHeads * dim);
        var output = new float[queries.Length];
        int token = 0;
        foreach ((int sequence, int count) in step)
        {
            List<float> sequenceKeys = keys[layer, sequence];
            List<float> sequenceValues = values[layer, sequence];
            for (int i = 0; i < count; i++, token++)
            {
                sequenceKeys.AddRange(newKeys.AsSpan(token * kvHeads * dim, kvHeads * dim));
                sequenceValues.AddRange(newValues.AsSpan(token * kvHeads * dim, kvHeads * dim));
                for (int head = 0; head < queryHeads; head++)
                {
                    int at = ((token * queryHeads) + head) * dim;
                    Attend(queries.AsSpan(at, dim), sequenceKeys, sequenceValues, head / (queryHeads / kvHeads), output.AsSpan(at, dim));
                }
            }
        }

        device.Queue.Write<float>(o, output);
    }

    public void Dispose() => IsDisposed = true;

    private void Attend(ReadOnlySpan<float> query, List<float> sequenceKeys, List<float> sequenceValues, int kvHead, Span<float> output)
    {
        (_, int kvHeads, int dim) = heads;
        int length = sequenceKeys.Count / (kvHeads * dim);
        var scores = new double[length];
        for (int key = 0; key < length; key++)
        {
            for (int i = 0; i < dim; i++)
            {
                scores[key] += query[i] * (double)sequenceKeys[(((key * kvHeads) + kvHead) * dim) + i];
            }

            scores[key] /= Math.Sqrt(dim);
        }

        double greatest = scores.Max();
        double total = scores.Sum(s => Math.Exp(s - greatest));
        for (int i = 0; i < dim; i++)
        {
            double sum = 0;
            for (int key = 0; key < length; key++)
            {
                sum += Math.Exp(scores[key] - greatest) / total * sequenceValues[(((key * kvHeads) + kvHead) * dim) + i];
            }

            output[i] = (float)sum;
        }
    }

    private float[] Read(DeviceBuffer<float> buffer, int length)
    {
        var result = new float[length];
        device.Queue.Read(buffer, result);
        return result;
    }
}
