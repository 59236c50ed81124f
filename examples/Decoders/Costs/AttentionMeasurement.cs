using Kernels;
using Kernels.OpenCL;

namespace Decoders;

/// <summary>Runs the attention of layers of one shape on random numbers, and times it.</summary>
internal sealed class AttentionMeasurement : IDisposable
{
    private readonly ComputeDevice device;
    private readonly AttentionShape shape;
    private readonly int batch;
    private readonly int layers;
    private readonly IDecoderAttention attention;
    private readonly List<IDisposable> owned = [];
    private readonly AttentionInputs inputs;

    private AttentionMeasurement(ComputeDevice device, AttentionShape shape, int batch, int capacity, int layers, IDecoderAttention attention)
    {
        this.device = device;
        this.shape = shape;
        this.batch = batch;
        this.layers = layers;
        this.attention = attention;
        inputs = new AttentionInputs(
            shape.Sinks ? Own(device.Upload<float>(new float[shape.QueryHeads])) : null,
            shape.Rope == RopeStyle.None ? null : Own(RopeTable.Create(device, new RopeConfig { RotaryDim = shape.RotaryDim, Theta = 10_000 }, capacity)).Values);
    }

    /// <summary>Sets up layers of a shape; null if no attention type of it was compiled in.</summary>
    /// <param name="device">The device.</param>
    /// <param name="shape">The shape.</param>
    /// <param name="batch">Sequences.</param>
    /// <param name="capacity">Tokens of each.</param>
    /// <param name="layers">Layers, each with a cache of its own: one after the other, as in a model, they find none of it in the device's caches.</param>
    /// <exception cref="ComputeException">The device cannot hold or run it.</exception>
    public static AttentionMeasurement? TryCreate(ComputeDevice device, AttentionShape shape, int batch, int capacity, int layers)
    {
        IDecoderAttention? attention = AttentionRegistry.TryCreate(shape, device, batch, capacity, layers);
        return attention is null ? null : new AttentionMeasurement(device, shape, batch, capacity, layers, attention);
    }

    /// <summary>Seconds that one layer takes for one new token of each sequence, appending not counted.</summary>
    /// <param name="context">Tokens of each sequence, the new one included.</param>
    public double Decode(int context)
    {
        Reset();
        for (int sequence = 0; sequence < batch && context > 1; sequence++)
        {
            Append([(sequence, context - 1)], context - 1);
        }

        var step = new (int, int)[batch];
        for (int sequence = 0; sequence < batch; sequence++)
        {
            step[sequence] = (sequence, 1);
        }

        Append(step, batch);
        return Attend(batch);
    }

    /// <summary>Seconds that one layer takes for a whole prompt of each sequence, appending not counted.</summary>
    /// <param name="tokens">Tokens of each prompt.</param>
    public double Prefill(int tokens)
    {
        Reset();
        var step = new (int, int)[batch];
        for (int sequence = 0; sequence < batch; sequence++)
        {
            step[sequence] = (sequence, tokens);
        }

        Append(step, checked(batch * tokens));
        return Attend(batch * tokens);
    }

    public void Dispose()
    {
        owned.ForEach(resource => resource.Dispose());
        attention.Dispose();
    }

    private void Reset()
    {
        for (int sequence = 0; sequence < batch; sequence++)
        {
            attention.Reset(sequence);
        }
    }

    private void Append(ReadOnlySpan<(int, int)> step, int tokens)
    {
        using DeviceBuffer<float> keys = Random((long)tokens * shape.KvHeads * shape.HeadDim);
        using DeviceBuffer<float> values = Random(shape.LatentCache ? 1 : (long)tokens * shape.KvHeads * shape.ValueDim);
        attention.Begin(step);
        for (int layer = 0; layer < layers; layer++)
        {
            attention.Append(layer, keys, values, inputs);
        }

        device.Queue.Finish();
    }

    private double Attend(int tokens)
    {
        using DeviceBuffer<float> queries = Random((long)tokens * shape.QueryHeads * shape.HeadDim);
        using DeviceBuffer<float> outputs = device.Allocate<float>((long)tokens * shape.QueryHeads * shape.ValueDim);
        return StepMeasurement.Median(() =>
        {
            for (int layer = 0; layer < layers; layer++)
            {
                attention.Attend(layer, queries, outputs, inputs);
            }

            device.Queue.Finish();
        }) / layers;
    }

    private DeviceBuffer<float> Random(long length)
    {
        var random = new Random(1);
        var values = new float[length];
        foreach (ref float value in values.AsSpan())
        {
            value = random.NextSingle() - 0.5f;
        }

        return device.Upload<float>(values);
    }

    private T Own<T>(T resource) where T : IDisposable
    {
        owned.Add(resource);
        return resource;
    }
}
