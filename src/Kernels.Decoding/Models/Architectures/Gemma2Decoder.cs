namespace Kernels.Decoding;

/// <summary>
/// Gemma-2: Gemma with capped scores and logits, a scale of its own, a window in every other layer, and norms behind the blocks too.
/// </summary>
internal class Gemma2Decoder : GemmaDecoder
{
    /// <inheritdoc/>
    public override string ModelType => "gemma2";

    /// <inheritdoc/>
    public override string Defaults => """
        {"vocab_size": 256000, "hidden_size": 2304, "intermediate_size": 9216, "num_hidden_layers": 26, "num_attention_heads": 8,
         "num_key_value_heads": 4, "head_dim": 256, "hidden_activation": "gelu_pytorch_tanh", "max_position_embeddings": 8192,
         "rms_norm_eps": 1e-6, "rope_theta": 10000, "attention_bias": false, "tie_word_embeddings": true, "query_pre_attn_scalar": 256,
         "sliding_window": 4096, "attn_logit_softcapping": 50, "final_logit_softcapping": 30}
        """;

    /// <inheritdoc/>
    public override ArchitectureTraits Traits { get; } = new() { NormsPerLayer = 4 };

    /// <inheritdoc/>
    public override ModelConfig ReadConfig(ConfigReader json)
    {
        ModelConfig config = base.ReadConfig(json);
        double softcap = json.OptionalPositive("attn_logit_softcapping") ?? 0;
        double scale = 1 / Math.Sqrt(json.Positive("query_pre_attn_scalar"));
        return config with
        {
            LogitSoftcap = json.OptionalPositive("final_logit_softcapping") ?? 0,
            Layers =
                [.. config.Layers.Select(layer => layer with { Attention = layer.Attention with { Softcap = softcap, Scale = scale } })],
        };
    }

    /// <inheritdoc/>
    protected override bool HasWindow(ConfigReader json, int layer) => layer % 2 == 0;

    /// <inheritdoc/>
    protected override DecoderLayer BuildLayer(LayerSource source) => new(
        Norm(source, "input_layernorm"),
        new PostNormBlock(BuildAttention(source), Norm(source, "post_attention_layernorm")),
        Norm(source, "pre_feedforward_layernorm"),
        new PostNormBlock(BuildFeedForward(source), Norm(source, "post_feedforward_layernorm")));
}
