using Kernels.OpenCL;

namespace Kernels.Decoding;

/// <summary>A linear layer: y = w·x + bias.</summary>
/// <param name="weights">w [outputs, inputs].</param>
/// <param name="bias">[outputs], or null for none.</param>
public sealed class Linear(WeightMatrix weights, DeviceBuffer<float>? bias)
{
    /// <summary>Elements of an output.</summary>
    public int Outputs => weights.Rows;

    /// <summary>Enqueues output = layer(input), or output += layer(input); [rows, inputs] to [rows, outputs].</summary>
    public void Apply(DecoderStep step, DeviceBuffer<float> input, DeviceBuffer<float> output, int rows, bool accumulate = false) =>
        step.Kernels.Linear(input, weights, bias, output, rows, accumulate);
}

/// <summary>The linear layers of a number of experts.</summary>
/// <param name="weights">Their weights [outputs, inputs], below each other.</param>
/// <param name="bias">Their biases [experts, outputs], or null for none.</param>
/// <param name="experts">Experts.</param>
public sealed class ExpertLinear(WeightMatrix weights, DeviceBuffer<float>? bias, int experts)
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
    public void Apply(DecoderStep step, DeviceBuffer<float> input, DeviceBuffer<int> chosen, DeviceBuffer<float> output, int slots, int slotsPerRow) =>
        step.Kernels.ExpertLinear(input, weights, bias, chosen, experts, output, slots, slotsPerRow);
}
