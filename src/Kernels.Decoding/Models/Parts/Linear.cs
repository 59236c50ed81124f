using Kernels.OpenCL;

namespace Kernels.Decoding;

/// <summary>A linear layer: y = w·x + bias.</summary>
internal sealed class Linear
{
    private readonly (WeightMatrix Weights, DeviceBuffer<float>? Bias)[] parts;

    /// <param name="weights">w [outputs, inputs].</param>
    /// <param name="bias">[outputs], or null for none.</param>
    public Linear(WeightMatrix weights, DeviceBuffer<float>? bias)
    {
        parts = [(weights, bias)];
        Outputs = weights.Rows;
    }

    /// <param name="weights">Matrices whose outputs are one after the other; several where they are of different forms.</param>
    /// <param name="bias">[outputs], or empty for none.</param>
    /// <param name="owner">Takes the biases to the device.</param>
    internal Linear(WeightMatrix[] weights, ReadOnlySpan<float> bias, DecoderWeights owner)
    {
        parts = new (WeightMatrix, DeviceBuffer<float>?)[weights.Length];
        for (int i = 0; i < parts.Length; i++)
        {
            parts[i] = (weights[i], bias.IsEmpty ? null : owner.Upload(bias.Slice(Outputs, weights[i].Rows)));
            Outputs += weights[i].Rows;
        }
    }

    /// <summary>Elements of an output.</summary>
    public int Outputs { get; }

    /// <summary>Enqueues output = layer(norm(input)), in one launch where the kernels can.</summary>
    /// <param name="step">The step.</param>
    /// <param name="norm">The norm.</param>
    /// <param name="input">[rows, hidden].</param>
    /// <param name="output">[rows, outputs].</param>
    /// <param name="rows">Rows, at most the step's tokens.</param>
    internal void ApplyNormed(DecoderStep step, INorm norm, DeviceBuffer<float> input, DeviceBuffer<float> output, int rows)
    {
        if (parts is [(WeightMatrix weights, var bias)] && norm is RmsNorm rms && step.Kernels.Fuses(weights, rows))
        {
            step.Kernels.LinearFused(input, weights, bias, output, rows, rms);
            return;
        }

        DeviceBuffer<float> normed = step.Scratch("normed", step.HiddenSize);
        norm.Apply(step, input, normed, rows);
        Apply(step, normed, output, rows);
    }

    /// <summary>
    /// Enqueues output = gate · value, where the layer of norm(input) gives [gate, value]; false, with nothing enqueued, where that is not
    /// one thing.
    /// </summary>
    internal bool TryApplyNormedGated(
        DecoderStep step, INorm norm, DeviceBuffer<float> input, DeviceBuffer<float> output, Activation activation)
    {
        if (parts is not [(WeightMatrix weights, var bias)] || norm is not RmsNorm rms || !step.Kernels.Gates(weights, step.Tokens))
        {
            return false;
        }

        step.Kernels.LinearGated(input, weights, bias, output, step.Tokens, rms, activation);
        return true;
    }

    /// <summary>
    /// Enqueues output = layer(activation(gate) · value), or output += that, with an input [tokens, gate | value]; false, with nothing
    /// enqueued, where that is not one thing.
    /// </summary>
    internal bool TryApplyToGated(
        DecoderStep step, DeviceBuffer<float> input, DeviceBuffer<float> output, Activation activation, bool accumulate)
    {
        if (parts is not [(WeightMatrix weights, var bias)] || !step.Kernels.Fuses(weights, step.Tokens))
        {
            return false;
        }

        step.Kernels.LinearFused(input, weights, bias, output, step.Tokens, gate: activation, accumulate: accumulate);
        return true;
    }

    /// <summary>
    /// Enqueues output = layer(input), or output += that, with an input in the weights' type; false, with nothing enqueued, where it cannot
    /// be.
    /// </summary>
    internal bool TryApplyOwnType(
        DecoderStep step, DeviceBuffer input, ElementType type, DeviceBuffer<float> output, int rows, bool accumulate)
    {
        if (parts is not [(WeightMatrix weights, var bias)] || type != LayerKernels.InputType(weights)
            || !step.Kernels.Fuses(weights, rows))
        {
            return false;
        }

        step.Kernels.LinearFused(input, weights, bias, output, rows, accumulate: accumulate);
        return true;
    }

    /// <summary>Enqueues output = layer(input), or output += layer(input); [rows, inputs] to [rows, outputs].</summary>
    public void Apply(DecoderStep step, DeviceBuffer<float> input, DeviceBuffer<float> output, int rows, bool accumulate = false)
    {
        if (parts is [(WeightMatrix weights, var bias)])
        {
            step.Kernels.Linear(input, weights, bias, output, rows, accumulate);
            return;
        }

        int offset = 0;
        foreach ((WeightMatrix matrix, DeviceBuffer<float>? own) in parts)
        {
            var slice = new HeadSlice(Outputs, offset, 0, 1, matrix.Rows);
            HeadSlice packed = HeadSlice.Packed(1, matrix.Rows);
            DeviceBuffer<float> part = step.Scratch("part of a layer", rows, matrix.Rows);
            if (accumulate)
            {
                step.Kernels.CopyHeads(output, slice, part, packed, rows);
            }

            step.Kernels.Linear(input, matrix, own, part, rows, accumulate);
            step.Kernels.CopyHeads(part, packed, output, slice, rows);
            offset += matrix.Rows;
        }
    }
}
