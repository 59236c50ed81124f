using Kernels.OpenCL;

namespace Decoders.Tests;

/// <summary>Attention that shows each step before it begins: its number from 1, and its sequences.</summary>
internal sealed class WatchedAttention(IDecoderAttention inner, Action<int, (int Sequence, int Tokens)[]> watch) : IDecoderAttention
{
    private int steps;

    public int Capacity => inner.Capacity;

    public long CacheBytes => inner.CacheBytes;

    public IDecoderPages? Pages => inner.Pages;

    public int Length(int sequence) => inner.Length(sequence);

    public void Begin(ReadOnlySpan<(int Sequence, int Tokens)> step)
    {
        watch(++steps, step.ToArray());
        inner.Begin(step);
    }

    public void AppendAndAttend(
        int layer, DeviceBuffer<float> q, DeviceBuffer<float> k, DeviceBuffer<float> v, DeviceBuffer<float> o, DeviceBuffer<float>? sinks) =>
        inner.AppendAndAttend(layer, q, k, v, o, sinks);

    public void Reset(int sequence) => inner.Reset(sequence);

    public void Dispose() => inner.Dispose();
}
