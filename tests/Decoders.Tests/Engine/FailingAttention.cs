using Kernels.OpenCL;

namespace Decoders.Tests;

/// <summary>Attention that fails at the step of a number.</summary>
internal sealed class FailingAttention(IDecoderAttention inner, int failingStep, Action fail) : IDecoderAttention
{
    private int steps;

    public int Capacity => inner.Capacity;

    public long CacheBytes => inner.CacheBytes;

    public IDecoderPages? Pages => inner.Pages;

    public int Length(int sequence) => inner.Length(sequence);

    public void Begin(ReadOnlySpan<(int Sequence, int Tokens)> step)
    {
        if (++steps == failingStep)
        {
            fail();
        }

        inner.Begin(step);
    }

    public void AppendAndAttend(
        int layer, DeviceBuffer<float> q, DeviceBuffer<float> k, DeviceBuffer<float> v, DeviceBuffer<float> o, DeviceBuffer<float>? sinks) =>
        inner.AppendAndAttend(layer, q, k, v, o, sinks);

    public void Reset(int sequence) => inner.Reset(sequence);

    public void Dispose() => inner.Dispose();
}
