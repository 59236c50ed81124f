namespace Kernels.Decoding;

/// <summary>What a router makes of an expert's logit.</summary>
internal enum ExpertScore
{
    /// <summary>Its softmax over all experts.</summary>
    Softmax,

    /// <summary>Its sigmoid, to which a learned bias is added for the choice, but not for the weight (DeepSeek-V3).</summary>
    BiasedSigmoid,
}
