using Kernels.OpenCL;

namespace Decoders;

/// <summary>
/// One decoder's attention over all its layers, with its KV cache. Queries, keys, values and outputs are float32 device
/// buffers packed by token: q [tokens, H_q, d], k and v [tokens, H_kv, d], o [tokens, H_q, d].
/// </summary>
public interface IDecoderAttention : IDisposable
{
    /// <summary>The most tokens that a sequence may have.</summary>
    int Capacity { get; }

    /// <summary>Bytes of device memory that the cache takes.</summary>
    long CacheBytes { get; }

    /// <summary>The pages of the cache; null where it has none.</summary>
    IDecoderPages? Pages => null;

    /// <summary>Tokens of a sequence that are in the cache, reserved ones not counted.</summary>
    int Length(int sequence);

    /// <summary>Begins a step: plans it, and makes its sequences longer. The tokens are packed in the order of the step.</summary>
    /// <param name="step">Each sequence that takes part, once, with the number of its new tokens.</param>
    void Begin(ReadOnlySpan<(int Sequence, int Tokens)> step);

    /// <summary>Enqueues one layer of the step: writes its keys and values to the cache, then runs its queries over the cache.</summary>
    /// <param name="layer">The layer.</param>
    /// <param name="q">The queries.</param>
    /// <param name="k">The new keys.</param>
    /// <param name="v">The new values.</param>
    /// <param name="o">Takes the outputs.</param>
    /// <param name="sinks">The layer's learned logits, [H_q], where its geometry has sinks; else null.</param>
    void AppendAndAttend(
        int layer, DeviceBuffer<float> q, DeviceBuffer<float> k, DeviceBuffer<float> v, DeviceBuffer<float> o, DeviceBuffer<float>? sinks);

    /// <summary>Empties a sequence.</summary>
    void Reset(int sequence);
}
