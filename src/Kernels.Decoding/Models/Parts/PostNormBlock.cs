using Kernels.OpenCL;

namespace Kernels.Decoding;

/// <summary>A block with a norm behind it: norm(block(x)).</summary>
/// <param name="block">The block.</param>
/// <param name="norm">The norm.</param>
internal sealed class PostNormBlock(IDecoderBlock block, RmsNorm norm) : IDecoderBlock
{
    /// <inheritdoc/>
    public void Apply(DecoderStep step, DeviceBuffer<float> input, DeviceBuffer<float> output, bool accumulate)
    {
        DeviceBuffer<float> result = step.Scratch("before norm", step.HiddenSize);
        block.Apply(step, input, result, accumulate: false);
        if (accumulate)
        {
            norm.Add(step, result, output, step.Tokens);
        }
        else
        {
            norm.Apply(step, result, output, step.Tokens);
        }
    }
}
