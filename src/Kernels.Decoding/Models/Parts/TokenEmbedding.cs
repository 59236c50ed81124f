using Kernels.OpenCL;

namespace Kernels.Decoding;

/// <summary>Token id to residual stream.</summary>
/// <param name="tokens">The table of tokens, [vocabulary, hidden].</param>
internal sealed class TokenEmbedding(WeightMatrix tokens)
{
    /// <summary>The factor on the table's rows.</summary>
    public double Scale { get; init; } = 1;

    /// <summary>The table of positions that is added, [positions, hidden]; null for none.</summary>
    public WeightMatrix? Positions { get; init; }

    /// <summary>The norm behind all; null for none.</summary>
    public INorm? Norm { get; init; }

    /// <summary>Enqueues the embedding of the step's tokens.</summary>
    /// <param name="step">The step.</param>
    /// <param name="residual">[tokens, hidden].</param>
    public void Apply(DecoderStep step, DeviceBuffer<float> residual)
    {
        DeviceBuffer<float> embedded = Norm is null ? residual : step.Scratch("embedded", step.HiddenSize);
        step.Kernels.Embed(tokens, step.Ids, embedded, step.Tokens, Scale);
        if (Positions is not null)
        {
            step.Kernels.Embed(Positions, step.Positions, embedded, step.Tokens, accumulate: true);
        }

        Norm?.Apply(step, embedded, residual, step.Tokens);
    }
}
