using Kernels.OpenCL;

namespace Kernels.Decoding.Tests;

/// <summary>Attention that shows each step before it begins: its number from 1, and its sequences.</summary>
internal sealed class WatchedAttention(IDecoderAttention inner, Action<int, (int Sequence, int Tokens)[]> watch) : IDecoderAttention
{
    private int steps;

    public ElementType Storage => inner.Storage;

    public int Capacity => inner.Capacity;

    public long CacheBytes => inner.CacheBytes;

    public IDecoderPages? Pages => inner.Pages;

    public int Length(int sequence) => inner.Length(sequence);

    public void Begin(ReadOnlySpan<(int Sequence, int Tokens)> step)
    {
        watch(++steps, step.ToArray());
        inner.Begin(step);
    }

    public void Append(int layer, DeviceBuffer k, DeviceBuffer v, AttentionInputs inputs) => inner.Append(layer, k, v, inputs);

    public void Attend(int layer, DeviceBuffer q, DeviceBuffer o, AttentionInputs inputs) => inner.Attend(layer, q, o, inputs);

    public void Reset(int sequence) => inner.Reset(sequence);

    public IEnumerable<string> Describe() => inner.Describe();

    public void Dispose() => inner.Dispose();
}
