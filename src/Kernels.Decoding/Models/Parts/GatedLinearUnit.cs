using Kernels.OpenCL;

namespace Kernels.Decoding;

/// <summary>activation(gate) · up, gates first, then the values: SwiGLU, GeGLU.</summary>
/// <param name="activation">The function.</param>
internal sealed class GatedLinearUnit(Activation activation) : IGatedUnit
{
    /// <summary>The function.</summary>
    public Activation Activation => activation;

    /// <inheritdoc/>
    public void Apply(DecoderStep step, DeviceBuffer<float> input, DeviceBuffer<float> output, int width, int rows) =>
        step.Kernels.GateHalves(input, output, activation, width, rows);
}
