namespace Kernels.Decoding;

/// <summary>Granite: Llama with factors on the embedding, on what blocks add, on scores and on logits.</summary>
internal sealed class GraniteDecoder : LlamaDecoder
{
    /// <inheritdoc/>
    public override string ModelType => "granite";

    /// <inheritdoc/>
    public override string Defaults => """
        {"vocab_size": 32000, "hidden_size": 4096, "intermediate_size": 11008, "num_hidden_layers": 32, "num_attention_heads": 32,
         "hidden_act": "silu", "max_position_embeddings": 2048, "rms_norm_eps": 1e-6, "rope_theta": 10000, "attention_bias": false,
         "mlp_bias": false, "tie_word_embeddings": false, "embedding_multiplier": 1.0, "residual_multiplier": 1.0,
         "attention_multiplier": 1.0, "logits_scaling": 1.0}
        """;

    /// <inheritdoc/>
    public override ModelConfig ReadConfig(ConfigReader json)
    {
        ModelConfig config = base.ReadConfig(json);
        double scale = json.Positive("attention_multiplier");
        return config with
        {
            EmbeddingScale = json.Positive("embedding_multiplier"),
            ResidualScale = json.Positive("residual_multiplier"),
            LogitScale = 1 / json.Positive("logits_scaling"),
            Layers = [.. config.Layers.Select(layer => layer with { Attention = layer.Attention with { Scale = scale } })],
        };
    }

    /// <inheritdoc/>
    protected override DecoderLayer BuildLayer(LayerSource source) => new(
        Norm(source, "input_layernorm"),
        new ScaledBlock(BuildAttention(source), source.Config.ResidualScale),
        Norm(source, "post_attention_layernorm"),
        new ScaledBlock(BuildFeedForward(source), source.Config.ResidualScale));
}
