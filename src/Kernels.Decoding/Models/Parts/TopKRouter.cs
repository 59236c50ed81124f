using Kernels.OpenCL;

namespace Kernels.Decoding;

/// <summary>Gives each token to experts.</summary>
/// <param name="logits">hidden → a logit for each expert.</param>
/// <param name="perToken">Experts of a token.</param>
/// <param name="routing">How they are chosen and weighted.</param>
/// <param name="bias">What is added to the scores for the choice, [experts], where the routing has it.</param>
internal sealed class TopKRouter(Linear logits, int perToken, RoutingConfig routing, DeviceBuffer<float>? bias = null)
{
    /// <summary>Experts of a token.</summary>
    public int PerToken => perToken;

    /// <summary>Enqueues the choice: experts and weights, [tokens, PerToken] each.</summary>
    public void Apply(DecoderStep step, DeviceBuffer<float> input, DeviceBuffer<int> chosen, DeviceBuffer<float> weights)
    {
        DeviceBuffer<float> scores = step.Scratch("router", logits.Outputs);
        logits.Apply(step, input, scores, step.Tokens);
        step.Kernels.ChooseExperts(scores, bias, chosen, weights, routing, logits.Outputs, perToken, step.Tokens);
    }
}
