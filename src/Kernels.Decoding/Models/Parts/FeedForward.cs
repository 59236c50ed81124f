using Kernels.OpenCL;

namespace Kernels.Decoding;

/// <summary>A plain feed-forward block: down(activation(up(x))).</summary>
/// <param name="up">hidden → width.</param>
/// <param name="activation">The function.</param>
/// <param name="down">width → hidden.</param>
internal sealed class FeedForward(Linear up, Activation activation, Linear down) : IDecoderBlock
{
    /// <inheritdoc/>
    public void Apply(DecoderStep step, DeviceBuffer<float> input, DeviceBuffer<float> output, bool accumulate)
    {
        DeviceBuffer<float> raised = step.Scratch("raised", up.Outputs);
        DeviceBuffer<float> activated = step.Scratch("activated", up.Outputs);
        up.Apply(step, input, raised, step.Tokens);
        step.Kernels.Activate(raised, activated, activation, (long)step.Tokens * up.Outputs);
        down.Apply(step, activated, output, step.Tokens, accumulate);
    }
}
