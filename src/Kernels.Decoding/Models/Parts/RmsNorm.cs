using Kernels.OpenCL;

namespace Kernels.Decoding;

/// <summary>Root-mean-square norm.</summary>
/// <param name="weight">[width].</param>
/// <param name="epsilon">What is added to the mean square.</param>
internal sealed class RmsNorm(DeviceBuffer<float> weight, double epsilon) : INorm
{
    /// <summary>[width].</summary>
    internal DeviceBuffer<float> Weight => weight;

    /// <summary>What is added to the mean square.</summary>
    internal double Epsilon => epsilon;

    /// <inheritdoc/>
    public void Apply(DecoderStep step, DeviceBuffer<float> input, DeviceBuffer<float> output, int rows) =>
        step.Kernels.RmsNorm(input, weight, output, rows, epsilon);

    /// <summary>Enqueues output += norm(input), both [rows, width].</summary>
    public void Add(DecoderStep step, DeviceBuffer<float> input, DeviceBuffer<float> output, int rows) =>
        step.Kernels.RmsNorm(input, weight, output, rows, epsilon, accumulate: true);

    /// <summary>Enqueues the norm of each head of a slice; [tokens, slice.Stride] to [tokens, heads, headDim].</summary>
    public void ApplyToHeads(DecoderStep step, DeviceBuffer<float> input, HeadSlice slice, DeviceBuffer<float> output) =>
        step.Kernels.RmsNormHeads(input, slice, weight, output, step.Tokens, epsilon);
}
