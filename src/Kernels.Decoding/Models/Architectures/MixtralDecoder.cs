namespace Kernels.Decoding;

/// <summary>Mixtral: Mistral with a mixture of experts in every layer, weighted by the softmax over those that were chosen.</summary>
internal sealed class MixtralDecoder : MistralDecoder
{
    /// <inheritdoc/>
    public override string ModelType => "mixtral";

    /// <inheritdoc/>
    public override string Defaults => """
        {"vocab_size": 32000, "hidden_size": 4096, "intermediate_size": 14336, "num_hidden_layers": 32, "num_attention_heads": 32,
         "num_key_value_heads": 8, "hidden_act": "silu", "max_position_embeddings": 131072, "rms_norm_eps": 1e-5, "rope_theta": 1000000,
         "num_experts_per_tok": 2, "num_local_experts": 8, "tie_word_embeddings": false}
        """;

    /// <inheritdoc/>
    public override ModelConfig ReadConfig(ConfigReader json)
    {
        ModelConfig config = base.ReadConfig(json);
        (int count, int perToken) = ReadExpertCounts(json, "num_local_experts");
        return config with { Experts = new ExpertsConfig(count, perToken) { Width = config.IntermediateSize } };
    }

    /// <inheritdoc/>
    protected override IDecoderBlock BuildFeedForward(LayerSource source) =>
        Mixture(source, source.Prefix + "block_sparse_moe.", "w1", "w3", "w2");
}
