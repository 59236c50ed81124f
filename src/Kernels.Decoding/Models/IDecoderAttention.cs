using Kernels.OpenCL;

namespace Kernels.Decoding;

/// <summary>
/// One decoder's attention over all its layers, with its KV cache. Queries, keys, values and outputs are device buffers
/// of <see cref="Storage"/>, <see cref="DeviceBuffer{T}"/> of float, <see cref="Half"/> or <see cref="BFloat16"/>, packed by token: q
/// [tokens, H_q, d], k [tokens, H_kv, d], v [tokens, H_kv, d_v], o [tokens, H_q, d_v].
/// </summary>
internal interface IDecoderAttention : IDisposable
{
    /// <summary>
    /// The element type of queries, keys, values and outputs: <see cref="ElementType.Float32"/>, <see cref="ElementType.Float16"/> or
    /// <see cref="ElementType.BFloat16"/>.
    /// </summary>
    ElementType Storage => ElementType.Float32;

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

    /// <summary>Enqueues the write of a layer's new keys and values to the cache.</summary>
    /// <param name="layer">The layer.</param>
    /// <param name="k">The new keys.</param>
    /// <param name="v">The new values; a latent cache does not read them.</param>
    /// <param name="inputs">What the layer's attention takes besides.</param>
    void Append(int layer, DeviceBuffer k, DeviceBuffer v, AttentionInputs inputs);

    /// <summary>Enqueues a layer's attention over the cache, once the layer's keys and values are written.</summary>
    /// <param name="layer">The layer.</param>
    /// <param name="q">The queries.</param>
    /// <param name="o">Takes the outputs.</param>
    /// <param name="inputs">What the layer's attention takes besides.</param>
    void Attend(int layer, DeviceBuffer q, DeviceBuffer o, AttentionInputs inputs);

    /// <summary>Empties a sequence.</summary>
    void Reset(int sequence);

    /// <summary>Which kernels run and why, for people: a line for each attention type.</summary>
    IEnumerable<string> Describe();
}
