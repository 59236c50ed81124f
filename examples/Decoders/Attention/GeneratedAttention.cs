using Kernels;
using Kernels.OpenCL;

namespace Decoders;

/// <summary>A decoder's attention through a generated type, whichever it is.</summary>
internal sealed class GeneratedAttention<TAttention> : IDecoderAttention
    where TAttention : class, IContiguousAttention<TAttention, float>
{
    private readonly TAttention attention;
    private readonly KvCache<TAttention> cache;
    private readonly AttentionPlan<TAttention> plan;
    private AttentionRequest[] requests = [];

    /// <summary>Takes over <paramref name="attention"/> and gives it a cache.</summary>
    public GeneratedAttention(TAttention attention, int sequences, int capacity, int layers)
    {
        this.attention = attention;
        try
        {
            cache = attention.CreateCache(sequences, capacity, layers);
        }
        catch
        {
            attention.Dispose();
            throw;
        }

        plan = attention.CreatePlan();
    }

    public int Capacity => cache.Capacity;

    public long CacheBytes => cache.ByteLength;

    public int Length(int sequence) => cache.Length(sequence);

    public void Begin(ReadOnlySpan<(int Sequence, int Tokens)> step)
    {
        if (requests.Length < step.Length)
        {
            requests = new AttentionRequest[step.Length];
        }

        for (int i = 0; i < step.Length; i++)
        {
            (int sequence, int tokens) = step[i];
            cache.Extend(sequence, tokens);
            requests[i] = new AttentionRequest(sequence, tokens, cache.Length(sequence));
        }

        plan.Build(cache, requests.AsSpan(0, step.Length));
    }

    public void AppendAndAttend(int layer, DeviceBuffer<float> q, DeviceBuffer<float> k, DeviceBuffer<float> v, DeviceBuffer<float> o)
    {
        attention.Append(plan, cache, layer, k, v).Dispose();
        attention.Attend(plan, cache, layer, q, o).Dispose();
    }

    public void Reset(int sequence) => cache.Truncate(sequence, 0);

    public void Dispose()
    {
        plan.Dispose();
        cache.Dispose();
        attention.Dispose();
    }
}
