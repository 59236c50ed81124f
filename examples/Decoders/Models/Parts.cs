using Kernels.OpenCL;

namespace Decoders;

/// <summary>Normalises rows of the residual stream.</summary>
public interface INorm
{
    /// <summary>Enqueues output = norm(input), both [rows, hidden].</summary>
    void Apply(DecoderStep step, DeviceBuffer<float> input, DeviceBuffer<float> output, int rows);
}

/// <summary>A block of a layer: attention, or a feed-forward block.</summary>
public interface IDecoderBlock
{
    /// <summary>Enqueues output = block(input), or output += block(input); both [tokens, hidden].</summary>
    void Apply(DecoderStep step, DeviceBuffer<float> input, DeviceBuffer<float> output, bool accumulate);
}

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

/// <summary>Root-mean-square norm.</summary>
/// <param name="weight">[hidden].</param>
/// <param name="epsilon">What is added to the mean square.</param>
public sealed class RmsNorm(DeviceBuffer<float> weight, double epsilon) : INorm
{
    /// <inheritdoc/>
    public void Apply(DecoderStep step, DeviceBuffer<float> input, DeviceBuffer<float> output, int rows) =>
        step.Kernels.RmsNorm(input, weight, output, rows, epsilon);
}

/// <summary>The heads of a layer's attention.</summary>
/// <param name="QueryHeads">Query heads, H_q.</param>
/// <param name="KvHeads">Key-value heads, H_kv.</param>
/// <param name="HeadDim">Elements of a head, d.</param>
public readonly record struct HeadGeometry(int QueryHeads, int KvHeads, int HeadDim);

/// <summary>Multi-head, grouped-query or multi-query attention with rope on queries and keys.</summary>
/// <param name="layer">The layer's number.</param>
/// <param name="heads">The heads.</param>
/// <param name="projection">hidden → queries, keys and values, one after the other.</param>
/// <param name="output">[H_q, d] → hidden.</param>
/// <param name="rope">The turns.</param>
/// <param name="pairs">Which elements turn together.</param>
public sealed class RotaryAttention(int layer, HeadGeometry heads, Linear projection, Linear output, RopeTable rope, RopePairs pairs) : IDecoderBlock
{
    /// <inheritdoc/>
    public void Apply(DecoderStep step, DeviceBuffer<float> input, DeviceBuffer<float> target, bool accumulate)
    {
        (int queryHeads, int kvHeads, int dim) = heads;
        int tokens = step.Tokens;
        int stride = projection.Outputs;
        DeviceBuffer<float> projected = step.Scratch("projected", stride);
        DeviceBuffer<float> queries = step.Scratch("queries", queryHeads * dim);
        DeviceBuffer<float> keys = step.Scratch("keys", kvHeads * dim);
        DeviceBuffer<float> values = step.Scratch("values", kvHeads * dim);
        DeviceBuffer<float> attended = step.Scratch("attended", queryHeads * dim);

        projection.Apply(step, input, projected, tokens);
        step.Kernels.Rope(projected, stride, 0, queries, queryHeads, dim, step.Positions, rope, pairs, tokens);
        step.Kernels.Rope(projected, stride, queryHeads * dim, keys, kvHeads, dim, step.Positions, rope, pairs, tokens);
        step.Kernels.TakeHeads(projected, stride, (queryHeads + kvHeads) * dim, values, kvHeads, dim, tokens);
        step.Attention.AppendAndAttend(layer, queries, keys, values, attended);
        output.Apply(step, attended, target, tokens, accumulate);
    }
}

/// <summary>A gated feed-forward block: down(silu(gate(x)) · up(x)).</summary>
/// <param name="gateAndUp">hidden → gate and up, one after the other.</param>
/// <param name="down">width → hidden.</param>
public sealed class SwiGluFeedForward(Linear gateAndUp, Linear down) : IDecoderBlock
{
    /// <inheritdoc/>
    public void Apply(DecoderStep step, DeviceBuffer<float> input, DeviceBuffer<float> output, bool accumulate)
    {
        int width = gateAndUp.Outputs / 2;
        DeviceBuffer<float> both = step.Scratch("gate and up", gateAndUp.Outputs);
        DeviceBuffer<float> gated = step.Scratch("gated", width);
        gateAndUp.Apply(step, input, both, step.Tokens);
        step.Kernels.SwiGlu(both, gated, width, step.Tokens);
        down.Apply(step, gated, output, step.Tokens, accumulate);
    }
}

/// <summary>A pre-norm layer: x += attention(norm(x)), then x += feedForward(norm(x)).</summary>
/// <param name="attentionNorm">The norm before attention.</param>
/// <param name="attention">Attention with its projections.</param>
/// <param name="feedForwardNorm">The norm before the feed-forward block.</param>
/// <param name="feedForward">The feed-forward block.</param>
public sealed class DecoderLayer(INorm attentionNorm, IDecoderBlock attention, INorm feedForwardNorm, IDecoderBlock feedForward)
{
    /// <summary>Enqueues the layer on the residual stream.</summary>
    /// <param name="step">The step.</param>
    /// <param name="residual">[tokens, hidden].</param>
    public void Apply(DecoderStep step, DeviceBuffer<float> residual)
    {
        DeviceBuffer<float> normed = step.Scratch("normed", step.HiddenSize);
        attentionNorm.Apply(step, residual, normed, step.Tokens);
        attention.Apply(step, normed, residual, accumulate: true);
        feedForwardNorm.Apply(step, residual, normed, step.Tokens);
        feedForward.Apply(step, normed, residual, accumulate: true);
    }
}
