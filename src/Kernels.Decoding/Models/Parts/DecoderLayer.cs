using Kernels.OpenCL;

namespace Kernels.Decoding;

/// <summary>A block of a layer: attention, or a feed-forward block.</summary>
internal interface IDecoderBlock
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

/// <summary>A layer: x += attention(norm(x)), then x += feedForward(norm(x)).</summary>
/// <param name="attentionNorm">The norm before attention; null for none.</param>
/// <param name="attention">Attention with its projections.</param>
/// <param name="feedForwardNorm">The norm before the feed-forward block; null for none.</param>
/// <param name="feedForward">The feed-forward block.</param>
internal sealed class DecoderLayer(INorm? attentionNorm, IDecoderBlock attention, INorm? feedForwardNorm, IDecoderBlock feedForward)
{
    /// <summary>Whether both blocks take what the layer was given: x += attention(norm(x)) + feedForward(norm(x)).</summary>
    public bool IsParallel { get; init; }

    /// <summary>Enqueues the layer on the residual stream.</summary>
    /// <param name="step">The step.</param>
    /// <param name="residual">[tokens, hidden].</param>
    public void Apply(DecoderStep step, DeviceBuffer<float> residual)
    {
        if (IsParallel)
        {
            // Before attention changes the residual stream.
            DeviceBuffer<float> feedForwardInput = Normed(step, feedForwardNorm, residual, "normed beside");
            attention.Apply(step, Normed(step, attentionNorm, residual, "normed"), residual, accumulate: true);
            feedForward.Apply(step, feedForwardInput, residual, accumulate: true);
            return;
        }

        Add(step, attention, attentionNorm, residual);
        Add(step, feedForward, feedForwardNorm, residual);
    }

    private static void Add(DecoderStep step, IDecoderBlock block, INorm? norm, DeviceBuffer<float> residual)
    {
        if (norm is null)
        {
            block.Apply(step, residual, residual, accumulate: true);
        }
        else
        {
            block.ApplyNormed(step, norm, residual, residual);
        }
    }

    private static DeviceBuffer<float> Normed(DecoderStep step, INorm? norm, DeviceBuffer<float> residual, string name)
    {
        if (norm is null)
        {
            return residual;
        }

        DeviceBuffer<float> normed = step.Scratch(name, step.HiddenSize);
        norm.Apply(step, residual, normed, step.Tokens);
        return normed;
    }
}

/// <summary>A block with a norm behind it: norm(block(x)).</summary>
/// <param name="block">The block.</param>
/// <param name="norm">The norm.</param>
internal sealed class PostNormBlock(IDecoderBlock block, RmsNorm norm) : IDecoderBlock
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
