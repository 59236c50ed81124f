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

    private AttentionMeasurement(
        ComputeDevice device, AttentionShape shape, int batch, int capacity, int layers, IDecoderAttention attention)
    {
        this.device = device;
        this.shape = shape;
        this.batch = batch;
        this.layers = layers;
        this.attention = attention;
        inputs = new AttentionInputs
        {
            Sinks = shape.Sinks ? Own(device.Upload<float>(new float[shape.QueryHeads])) : null,
            Rope = shape.Rope == RopeStyle.None
                ? null : Own(RotaryTable.Create(device, new RopeConfig { RotaryDim = shape.RotaryDim, Theta = 10_000 }, capacity)).OnDevice,
        };
    }

    /// <summary>The kernels that run, and why these.</summary>
    public IEnumerable<string> Kernels => attention.Describe();

    /// <summary>Sets up layers of a shape.</summary>
    /// <param name="device">The device.</param>
    /// <param name="shape">The shape.</param>
    /// <param name="batch">Sequences.</param>
    /// <param name="capacity">Tokens of each.</param>
    /// <param name="layers">
    /// Layers, each with a cache of its own: one after the other, as in a model, they find none of it in the device's caches.
    /// </param>
    /// <exception cref="ComputeException">The device cannot hold or run it.</exception>
    /// <exception cref="CheckpointException">No kernels can be emitted for it.</exception>
    public static AttentionMeasurement Create(ComputeDevice device, AttentionShape shape, int batch, int capacity, int layers) => new(
        device, shape, batch, capacity, layers,
        AttentionCatalog.Create(device, AttentionCatalog.Find(shape), batch, capacity, layers));

    /// <summary>Seconds that one layer takes for one new token of each sequence, to append and to attend.</summary>
    /// <param name="context">Tokens of each sequence, the new one included.</param>
    public double Decode(int context)
    {
        Reset();
        for (int sequence = 0; sequence < batch && context > 1; sequence++)
        {
            Time([(sequence, context - 1)], context - 1, attends: false);
        }

        return Time([.. Enumerable.Range(0, batch).Select(sequence => (sequence, 1))], batch, attends: true);
    }

    /// <summary>Seconds that one layer takes for a whole prompt of each sequence, to append and to attend.</summary>
    /// <param name="tokens">Tokens of each prompt.</param>
    public double Prefill(int tokens)
    {
        Reset();
        return Time([.. Enumerable.Range(0, batch).Select(sequence => (sequence, tokens))], checked(batch * tokens), attends: true);
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

    private double Time(ReadOnlySpan<(int, int)> step, int tokens, bool attends)
    {
        using DeviceBuffer keys = Random((long)tokens * shape.KvHeads * shape.HeadDim);
        using DeviceBuffer values = Random(shape.LatentCache ? 1 : (long)tokens * shape.KvHeads * shape.ValueDim);
        using DeviceBuffer queries = Random(attends ? (long)tokens * shape.QueryHeads * shape.HeadDim : 1);
        using DeviceBuffer outputs = Allocate(attends ? (long)tokens * shape.QueryHeads * shape.ValueDim : 1);
        attention.Begin(step);
        if (!attends)
        {
            Run(0, layers);
            return 0;
        }

        // All layers in one go, as a model runs them, or each alone, where what the machine does besides comes in between less often.
        int next = 0;
        double together = StepMeasurement.Median(() => Run(0, layers)) / layers;
        double alone = StepMeasurement.Median(() => Run(next++ % layers, 1), Math.Max(layers, StepMeasurement.MostRuns));
        return Math.Min(together, alone);

        void Run(int first, int count)
        {
            for (int layer = first; layer < first + count; layer++)
            {
                attention.Append(layer, keys, values, inputs);
                if (attends)
                {
                    attention.Attend(layer, queries, outputs, inputs);
                }
            }

            device.Queue.Finish();
        }
    }

    private DeviceBuffer Allocate(long length) => shape.Storage switch
    {
        ElementType.Float16 => device.Allocate<Half>(length),
        ElementType.BFloat16 => device.Allocate<BFloat16>(length),
        _ => device.Allocate<float>(length),
    };

    private DeviceBuffer Random(long length)
    {
        var random = new Random(1);
        var values = new float[length];
        foreach (ref float value in values.AsSpan())
        {
            value = random.NextSingle() - 0.5f;
        }

        return shape.Storage switch
        {
            ElementType.Float16 => device.Upload<Half>(Array.ConvertAll(values, value => (Half)value)),
            ElementType.BFloat16 => device.Upload<BFloat16>(Array.ConvertAll(values, value => (BFloat16)value)),
            _ => device.Upload<float>(values),
        };
    }

    private T Own<T>(T resource) where T : IDisposable
    {
        owned.Add(resource);
        return resource;
    }
}
