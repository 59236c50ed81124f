namespace Kernels.Decoding;

/// <summary>
/// StarCoder-2: Llama with LayerNorm, biases, and a feed-forward block without gates; a sliding window in every layer, if the configuration
/// has one.
/// </summary>
internal sealed class Starcoder2Decoder : LlamaDecoder
{
    /// <inheritdoc/>
    public override string ModelType => "starcoder2";

    /// <inheritdoc/>
    public override string Defaults => """
        {"vocab_size": 49152, "hidden_size": 3072, "intermediate_size": 12288, "num_hidden_layers": 30, "num_attention_heads": 24,
         "num_key_value_heads": 2, "hidden_act": "gelu_pytorch_tanh", "max_position_embeddings": 4096, "norm_epsilon": 1e-5,
         "rope_theta": 10000, "use_bias": true, "tie_word_embeddings": true}
        """;

    /// <inheritdoc/>
    public override ArchitectureTraits Traits { get; } = new() { IsGated = false };

    /// <inheritdoc/>
    public override ModelConfig ReadConfig(ConfigReader json)
    {
        bool bias = json.Flag("use_bias", true);
        return base.ReadConfig(json) with { AttentionBias = bias, FeedForwardBias = bias, NormBias = true };
    }

    /// <inheritdoc/>
    protected override string NormEpsilonKey => "norm_epsilon";

    /// <inheritdoc/>
    protected override bool HasWindow(ConfigReader json, int layer) => json.Has("sliding_window");

    /// <inheritdoc/>
    protected override INorm StreamNorm(DecoderWeights weights, ModelConfig config, string name) =>
        new LayerNorm(
            weights.Vector(name + ".weight", config.HiddenSize), weights.Vector(name + ".bias", config.HiddenSize), config.NormEpsilon);

    /// <inheritdoc/>
    protected override IDecoderBlock BuildFeedForward(LayerSource source)
    {
        ModelConfig config = source.Config;
        return new FeedForward(
            source.Weights.Linear(config.HiddenSize, config.FeedForwardBias, (source.Prefix + "mlp.c_fc", config.IntermediateSize)),
            config.Activation,
            source.Weights.Linear(config.IntermediateSize, config.FeedForwardBias, (source.Prefix + "mlp.c_proj", config.HiddenSize)));
    }
}
