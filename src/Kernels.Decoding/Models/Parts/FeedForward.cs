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

/// <summary>What multiplies values by their gates.</summary>
internal interface IGatedUnit
{
    /// <summary>Enqueues output = unit(input); [rows, 2 · width] to [rows, width].</summary>
    void Apply(DecoderStep step, DeviceBuffer<float> input, DeviceBuffer<float> output, int width, int rows);
}

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

/// <summary>gate · sigmoid(α · gate) · (up + 1), clamped, gates and values in turn.</summary>
/// <param name="alpha">α.</param>
/// <param name="limit">What gate is at most, and the magnitude of up.</param>
internal sealed class ClampedGatedUnit(double alpha, double limit) : IGatedUnit
{
    /// <inheritdoc/>
    public void Apply(DecoderStep step, DeviceBuffer<float> input, DeviceBuffer<float> output, int width, int rows) =>
        step.Kernels.GatePairsClamped(input, output, alpha, limit, width, rows);
}
