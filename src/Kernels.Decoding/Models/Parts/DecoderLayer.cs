using Kernels.OpenCL;

namespace Kernels.Decoding;

/// <summary>A block of a layer: attention, or a feed-forward block.</summary>
public interface IDecoderBlock
{
    /// <summary>Enqueues output = block(input), or output += block(input); both [tokens, hidden].</summary>
    void Apply(DecoderStep step, DeviceBuffer<float> input, DeviceBuffer<float> output, bool accumulate);

    /// <summary>Enqueues output += block(norm(input)); input and output may be the same, and are [tokens, hidden].</summary>
    void ApplyNormed(DecoderStep step, INorm norm, DeviceBuffer<float> input, DeviceBuffer<float> output)
    {
        DeviceBuffer<float> normed = step.Scratch("normed", step.HiddenSize);
        norm.Apply(step, input, normed, step.Tokens);
        Apply(step, normed, output, accumulate: true);
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
        attention.ApplyNormed(step, attentionNorm, residual, residual);
        feedForward.ApplyNormed(step, feedForwardNorm, residual, residual);
    }
}

/// <summary>A block with a norm behind it: norm(block(x)).</summary>
/// <param name="block">The block.</param>
/// <param name="norm">The norm.</param>
public sealed class PostNormBlock(IDecoderBlock block, RmsNorm norm) : IDecoderBlock
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
