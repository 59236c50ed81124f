using Kernels.OpenCL;

namespace Kernels.Decoding;

/// <summary>Layer norm: mean 0, variance 1, then a weight and a bias.</summary>
/// <param name="weight">[width].</param>
/// <param name="bias">[width]; null for none.</param>
/// <param name="epsilon">What is added to the variance.</param>
internal sealed class LayerNorm(DeviceBuffer<float> weight, DeviceBuffer<float>? bias, double epsilon) : INorm
{
    /// <inheritdoc/>
    public void Apply(DecoderStep step, DeviceBuffer<float> input, DeviceBuffer<float> output, int rows) =>
        step.Kernels.LayerNorm(input, weight, bias, output, rows, epsilon);
}
