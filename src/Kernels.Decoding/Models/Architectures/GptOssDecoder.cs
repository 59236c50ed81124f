using Kernels.OpenCL;

namespace Kernels.Decoding;

/// <summary>
/// gpt-oss: Llama with biases, a window in every other layer, a sink for each head, and a mixture of experts with clamped
/// gates. Weights in MXFP4, as the models were published, are not read; in bfloat16 they are.
/// </summary>
internal sealed class GptOssDecoder : LlamaDecoder
{
    private const double GateAlpha = 1.702;

    /// <inheritdoc/>
    public override string ModelType => "gpt_oss";

    /// <inheritdoc/>
    public override string Defaults => """
        {"vocab_size": 201088, "hidden_size": 2880, "intermediate_size": 2880, "num_hidden_layers": 36, "num_attention_heads": 64,
         "num_key_value_heads": 8, "head_dim": 64, "hidden_act": "silu", "max_position_embeddings": 131072, "rms_norm_eps": 1e-5,
         "sliding_window": 128, "rope_theta": 150000, "num_local_experts": 128, "num_experts_per_tok": 4, "attention_bias": true,
         "tie_word_embeddings": false, "rope_scaling": {"rope_type": "yarn", "factor": 32.0, "original_max_position_embeddings": 4096,
         "beta_fast": 32.0, "beta_slow": 1.0, "truncate": false}}
        """;

    /// <inheritdoc/>
    public override ArchitectureTraits Traits { get; } = new() { HasExpertBiases = true };

    /// <inheritdoc/>
    public override ModelConfig ReadConfig(ConfigReader json)
    {
        ModelConfig config = base.ReadConfig(json);
        if (config.Activation != Activation.Silu)
        {
            throw json.Unsupported("hidden_act", "silu");
        }

        int experts = json.Count("num_local_experts");
        string perTokenKey = json.AnyOf("num_experts_per_tok", "experts_per_token");
        int perToken = json.Count(perTokenKey);
        return config with
        {
            AttentionBias = json.Flag("attention_bias", true),
            Experts = new ExpertsConfig(
                experts, perToken <= experts ? perToken : throw json.Unsupported(perTokenKey, $"at most num_local_experts, {experts}"))
            {
                Width = config.IntermediateSize,
                GateLimit = json.OptionalPositive("swiglu_limit") ?? 7,
            },
            Layers = [.. config.Layers.Select(layer => layer with { Attention = layer.Attention with { Sinks = true } })],
        };
    }

    /// <inheritdoc/>
    protected override bool HasWindow(ConfigReader json, int layer) => layer % 2 == 0;

    /// <inheritdoc/>
    protected override DeviceBuffer<float> Sinks(LayerSource source) =>
        source.Weights.Vector(source.Prefix + "self_attn.sinks", source.Config.Layers[source.Layer].Attention.QueryHeads);

    /// <inheritdoc/>
    protected override IDecoderBlock BuildFeedForward(LayerSource source)
    {
        ModelConfig config = source.Config;
        ExpertsConfig experts = config.Experts!;
        string prefix = source.Prefix + "mlp.";
        return new MixtureOfExperts(
            new TopKRouter(
                source.Weights.Linear(config.HiddenSize, hasBias: true, (prefix + "router", experts.Count)), experts.PerToken,
                experts.Routing),
            source.Weights.TransposedExperts(
                prefix + "experts.gate_up_proj", experts.Count, config.HiddenSize, 2 * config.IntermediateSize),
            new ClampedGatedUnit(GateAlpha, experts.GateLimit),
            source.Weights.TransposedExperts(prefix + "experts.down_proj", experts.Count, config.IntermediateSize, config.HiddenSize));
    }
}
