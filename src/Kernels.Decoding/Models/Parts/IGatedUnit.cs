using Kernels.OpenCL;

namespace Kernels.Decoding;

/// <summary>What multiplies values by their gates.</summary>
internal interface IGatedUnit
{
    /// <summary>Enqueues output = unit(input); [rows, 2 · width] to [rows, width].</summary>
    void Apply(DecoderStep step, DeviceBuffer<float> input, DeviceBuffer<float> output, int width, int rows);
}
