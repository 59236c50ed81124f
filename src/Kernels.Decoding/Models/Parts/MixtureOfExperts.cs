using Kernels.OpenCL;

namespace Kernels.Decoding;

/// <summary>A feed-forward block of experts: Σ over a token's experts of weight · down(unit(gateAndUp(x))).</summary>
/// <param name="router">Gives tokens to experts.</param>
/// <param name="gateAndUp">hidden → gate and up of each expert, in the order that the unit takes.</param>
/// <param name="unit">The gated unit.</param>
/// <param name="down">width → hidden of each expert.</param>
internal sealed class MixtureOfExperts(TopKRouter router, ExpertLinear gateAndUp, IGatedUnit unit, ExpertLinear down) : IDecoderBlock
{
    /// <summary>The expert that every token has besides, with weight 1; null for none.</summary>
    public IDecoderBlock? Shared { get; init; }

    /// <inheritdoc/>
    public void Apply(DecoderStep step, DeviceBuffer<float> input, DeviceBuffer<float> output, bool accumulate)
    {
        int perToken = router.PerToken;
        int slots = checked(step.Tokens * perToken);
        int width = gateAndUp.Outputs / 2;
        DeviceBuffer<int> chosen = step.Scratch<int>("experts", step.Tokens, perToken);
        DeviceBuffer<float> weights = step.Scratch("expert weights", perToken);
        DeviceBuffer<float> gated = step.Scratch("expert gated", slots, width);
        DeviceBuffer<float> results = step.Scratch("expert results", slots, down.Outputs);
        router.Apply(step, input, chosen, weights);
        if (unit is not GatedLinearUnit plain || !gateAndUp.TryApplyGated(step, input, chosen, gated, slots, perToken, plain.Activation))
        {
            DeviceBuffer<float> both = step.Scratch("expert gate and up", slots, gateAndUp.Outputs);
            gateAndUp.Apply(step, input, chosen, both, slots, slotsPerRow: perToken);
            unit.Apply(step, both, gated, width, slots);
        }

        down.ApplyAgain(step, gated, chosen, results, slots, slotsPerRow: 1);
        step.Kernels.CombineExperts(results, weights, output, down.Outputs, perToken, step.Tokens, accumulate);
        Shared?.Apply(step, input, output, accumulate: true);
    }
}
