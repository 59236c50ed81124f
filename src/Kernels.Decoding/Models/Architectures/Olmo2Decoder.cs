namespace Kernels.Decoding;

/// <summary>OLMo-2: Llama with norms behind the blocks instead of before them, and norms over all heads of queries and keys.</summary>
internal sealed class Olmo2Decoder : LlamaDecoder
{
    /// <inheritdoc/>
    public override string ModelType => "olmo2";

    /// <inheritdoc/>
    public override string Defaults => """
        {"vocab_size": 50304, "hidden_size": 4096, "intermediate_size": 11008, "num_hidden_layers": 32, "num_attention_heads": 32,
         "hidden_act": "silu", "max_position_embeddings": 2048, "rms_norm_eps": 1e-5, "rope_theta": 10000, "attention_bias": false,
         "tie_word_embeddings": false}
        """;

    /// <inheritdoc/>
    public override ArchitectureTraits Traits { get; } = new() { HasHeadNorms = true, HeadNormsSpanHeads = true };

    /// <inheritdoc/>
    public override ModelConfig ReadConfig(ConfigReader json) => base.ReadConfig(json) with { FeedForwardBias = false };

    /// <inheritdoc/>
    protected override DecoderLayer BuildLayer(LayerSource source) => new(
        attentionNorm: null,
        new PostNormBlock(BuildAttention(source), Norm(source, "post_attention_layernorm")),
        feedForwardNorm: null,
        new PostNormBlock(BuildFeedForward(source), Norm(source, "post_feedforward_layernorm")));

    /// <inheritdoc/>
    protected override HeadNorms HeadNorms(LayerSource source)
    {
        (int queryHeads, int kvHeads, int dim) = source.Config.Layers[source.Layer].Attention;
        string prefix = source.Prefix + "self_attn.";
        return new HeadNorms(
            Norm(source.Weights, source.Config, prefix + "q_norm", queryHeads * dim),
            Norm(source.Weights, source.Config, prefix + "k_norm", kvHeads * dim),
            SpanHeads: true);
    }
}
