using Kernels.OpenCL;

namespace Kernels.Decoding;

/// <summary>gate · sigmoid(α · gate) · (up + 1), clamped, gates and values in turn.</summary>
/// <param name="alpha">α.</param>
/// <param name="limit">What gate is at most, and the magnitude of up.</param>
internal sealed class ClampedGatedUnit(double alpha, double limit) : IGatedUnit
{
    /// <inheritdoc/>
    public void Apply(DecoderStep step, DeviceBuffer<float> input, DeviceBuffer<float> output, int width, int rows) =>
        step.Kernels.GatePairsClamped(input, output, alpha, limit, width, rows);
}
