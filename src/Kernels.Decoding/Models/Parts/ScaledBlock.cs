using Kernels.OpenCL;

namespace Kernels.Decoding;

/// <summary>A block with a factor on what it adds: factor · block(x).</summary>
/// <param name="block">The block.</param>
/// <param name="factor">The factor.</param>
internal sealed class ScaledBlock(IDecoderBlock block, double factor) : IDecoderBlock
{
    /// <inheritdoc/>
    public void Apply(DecoderStep step, DeviceBuffer<float> input, DeviceBuffer<float> output, bool accumulate)
    {
        long elements = (long)step.Tokens * step.HiddenSize;
        if (!accumulate)
        {
            block.Apply(step, input, output, accumulate: false);
            step.Kernels.Scale(output, factor, elements);
            return;
        }

        DeviceBuffer<float> result = step.Scratch("before factor", step.HiddenSize);
        block.Apply(step, input, result, accumulate: false);
        step.Kernels.AddScaled(result, output, factor, elements);
    }
}
