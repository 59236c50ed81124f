using Kernels.OpenCL;

namespace Kernels.Decoding;

/// <summary>Normalises rows of the residual stream.</summary>
internal interface INorm
{
    /// <summary>Enqueues output = norm(input), both [rows, hidden].</summary>
    void Apply(DecoderStep step, DeviceBuffer<float> input, DeviceBuffer<float> output, int rows);
}
