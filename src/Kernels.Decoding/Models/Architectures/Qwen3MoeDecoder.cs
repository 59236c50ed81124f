namespace Kernels.Decoding;

/// <summary>Qwen-3-MoE: Qwen-3 with a mixture of experts in every layer, or in some.</summary>
internal sealed class Qwen3MoeDecoder : Qwen3Decoder
{
    /// <inheritdoc/>
    public override string ModelType => "qwen3_moe";

    /// <inheritdoc/>
    public override string Defaults => """
        {"vocab_size": 151936, "hidden_size": 2048, "intermediate_size": 6144, "num_hidden_layers": 24, "num_attention_heads": 32,
         "num_key_value_heads": 4, "hidden_act": "silu", "max_position_embeddings": 32768, "rms_norm_eps": 1e-6, "rope_theta": 10000,
         "attention_bias": false, "use_sliding_window": false, "sliding_window": 4096, "max_window_layers": 28, "decoder_sparse_step": 1,
         "moe_intermediate_size": 768, "num_experts_per_tok": 8, "num_experts": 128, "norm_topk_prob": false, "tie_word_embeddings": false}
        """;

    /// <inheritdoc/>
    public override ModelConfig ReadConfig(ConfigReader json)
    {
        // Newer files have the name that other families gave the key.
        (int count, int perToken) = ReadExpertCounts(json, json.AnyOf("num_experts", "num_local_experts"));
        return base.ReadConfig(json) with
        {
            Experts = new ExpertsConfig(count, perToken)
            {
                Width = json.Count("moe_intermediate_size"),
                Period = json.Count("decoder_sparse_step"),
                EndsPeriod = true,
                DenseLayers = json.OptionalIntegers("mlp_only_layers") is { Length: > 0 } dense ? [.. dense] : [],
                Routing = new RoutingConfig { Normalize = json.Flag("norm_topk_prob", false) },
            },
        };
    }

    /// <inheritdoc/>
    protected override bool HasWindow(ConfigReader json, int layer) => json.Flag("use_sliding_window", false) && json.Has("sliding_window");

    /// <inheritdoc/>
    protected override IDecoderBlock BuildFeedForward(LayerSource source) => source.Config.Experts!.Serve(source.Layer)
        ? Mixture(source, source.Prefix + "mlp.", "gate_proj", "up_proj", "down_proj")
        : base.BuildFeedForward(source);
}
