using Kernels.OpenCL;

namespace Kernels.Decoding;

/// <summary>The linear layers of a number of experts.</summary>
/// <param name="weights">Their weights [outputs, inputs], below each other.</param>
/// <param name="bias">Their biases [experts, outputs], or null for none.</param>
/// <param name="experts">Experts.</param>
internal sealed class ExpertLinear(WeightMatrix weights, DeviceBuffer<float>? bias, int experts)
{
    /// <summary>Elements of an output.</summary>
    public int Outputs => weights.Rows / experts;

    /// <summary>Enqueues the layer of an expert for each slot: [slots / slotsPerRow, inputs] to [slots, outputs].</summary>
    /// <param name="step">The step.</param>
    /// <param name="input">A row for each <paramref name="slotsPerRow"/> slots.</param>
    /// <param name="chosen">The expert of each slot.</param>
    /// <param name="output">A row for each slot.</param>
    /// <param name="slots">Slots.</param>
    /// <param name="slotsPerRow">Slots side by side that take the same row of the input.</param>
    public void Apply(
        DecoderStep step, DeviceBuffer<float> input, DeviceBuffer<int> chosen, DeviceBuffer<float> output, int slots, int slotsPerRow) =>
        step.Kernels.ExpertLinear(input, weights, bias, chosen, experts, output, slots, slotsPerRow);

    /// <summary>As Apply, where the experts are those of the last layer of experts.</summary>
    internal void ApplyAgain(
        DecoderStep step, DeviceBuffer<float> input, DeviceBuffer<int> chosen, DeviceBuffer<float> output, int slots, int slotsPerRow) =>
        step.Kernels.ExpertLinear(input, weights, bias, chosen, experts, output, slots, slotsPerRow, again: true);

    /// <summary>
    /// Enqueues output = gate · value, where the layers give [gate, value]; false, with nothing enqueued, where that is not one thing.
    /// </summary>
    internal bool TryApplyGated(
        DecoderStep step, DeviceBuffer<float> input, DeviceBuffer<int> chosen, DeviceBuffer<float> output, int slots, int slotsPerRow,
        Activation activation)
    {
        if (!step.Kernels.GatesExperts(weights, slots))
        {
            return false;
        }

        step.Kernels.ExpertLinear(input, weights, bias, chosen, experts, output, slots, slotsPerRow, again: false, activation);
        return true;
    }
}
