using Kernels.OpenCL;

namespace Kernels.Decoding;

/// <summary>A gated feed-forward block: down(unit(gate(x), up(x))).</summary>
/// <param name="gateAndUp">hidden → gate and up, in the order that the unit takes.</param>
/// <param name="unit">The gated unit.</param>
/// <param name="down">width → hidden.</param>
internal sealed class GatedFeedForward(Linear gateAndUp, IGatedUnit unit, Linear down) : IDecoderBlock
{
    /// <inheritdoc/>
    public void Apply(DecoderStep step, DeviceBuffer<float> input, DeviceBuffer<float> output, bool accumulate)
    {
        DeviceBuffer<float> both = step.Scratch("gate and up", gateAndUp.Outputs);
        gateAndUp.Apply(step, input, both, step.Tokens);
        Finish(step, both, output, accumulate);
    }

    /// <inheritdoc/>
    public void ApplyNormed(DecoderStep step, INorm norm, DeviceBuffer<float> input, DeviceBuffer<float> output)
    {
        if (unit is GatedLinearUnit linear)
        {
            DeviceBuffer<float> gated = step.Scratch("gated", gateAndUp.Outputs / 2);
            if (gateAndUp.TryApplyNormedGated(step, norm, input, gated, linear.Activation))
            {
                down.Apply(step, gated, output, step.Tokens, accumulate: true);
                return;
            }
        }

        DeviceBuffer<float> both = step.Scratch("gate and up", gateAndUp.Outputs);
        gateAndUp.ApplyNormed(step, norm, input, both, step.Tokens);
        Finish(step, both, output, accumulate: true);
    }

    private void Finish(DecoderStep step, DeviceBuffer<float> both, DeviceBuffer<float> output, bool accumulate)
    {
        if (unit is GatedLinearUnit linear && down.TryApplyToGated(step, both, output, linear.Activation, accumulate))
        {
            return;
        }

        int width = gateAndUp.Outputs / 2;
        DeviceBuffer<float> gated = step.Scratch("gated", width);
        unit.Apply(step, both, gated, width, step.Tokens);
        down.Apply(step, gated, output, step.Tokens, accumulate);
    }
}
