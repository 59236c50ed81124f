using Kernels.OpenCL;

namespace Kernels.Decoding;

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
