using Kernels.OpenCL;

namespace Kernels.Decoding;

/// <summary>A block of a layer: attention, or a feed-forward block.</summary>
internal interface IDecoderBlock
{
    /// <summary>Enqueues output = block(input), or output += block(input); both [tokens, hidden].</summary>
    void Apply(DecoderStep step, DeviceBuffer<float> input, DeviceBuffer<float> output, bool accumulate);

    /// <summary>Enqueues output += block(norm(input)); input and output may be the same, and are [tokens, hidden].</summary>
    void ApplyNormed(DecoderStep step, INorm norm, DeviceBuffer<float> input, DeviceBuffer<float> output)
    {
        DeviceBuffer<float> normed = step.Scratch("normed", step.HiddenSize);
        norm.Apply(step, input, normed, step.Tokens);
        Apply(step, normed, output, accumulate: true);
    }
}
