namespace Kernels.Decoding;

/// <summary>
/// GLM-4: Llama with rope on a half of each head, its pairs side by side, norms before and behind the blocks, gates and values in one
/// tensor, and biases on queries, keys and values.
/// </summary>
internal sealed class Glm4Decoder : LlamaDecoder
{
    /// <inheritdoc/>
    public override string ModelType => "glm4";

    /// <inheritdoc/>
    public override string Defaults => """
        {"vocab_size": 151552, "hidden_size": 4096, "intermediate_size": 13696, "num_hidden_layers": 40, "num_attention_heads": 32,
         "num_key_value_heads": 2, "partial_rotary_factor": 0.5, "head_dim": 128, "hidden_act": "silu", "max_position_embeddings": 131072,
         "rms_norm_eps": 1.5625e-07, "rope_theta": 10000, "attention_bias": true, "tie_word_embeddings": false}
        """;

    /// <inheritdoc/>
    public override ArchitectureTraits Traits { get; } = new() { NormsPerLayer = 4, HasAttentionOutputBias = false };

    /// <inheritdoc/>
    public override ModelConfig ReadConfig(ConfigReader json) => base.ReadConfig(json) with { FeedForwardBias = false };

    /// <inheritdoc/>
    protected override RopePairs Pairs => RopePairs.Interleaved;

    /// <inheritdoc/>
    protected override DecoderLayer BuildLayer(LayerSource source) => new(
        Norm(source, "input_layernorm"),
        new PostNormBlock(BuildAttention(source), Norm(source, "post_self_attn_layernorm")),
        Norm(source, "post_attention_layernorm"),
        new PostNormBlock(BuildFeedForward(source), Norm(source, "post_mlp_layernorm")));

    /// <inheritdoc/>
    protected override (string Name, int Rows)[] GateParts(string prefix, int width) => [(prefix + "gate_up_proj", 2 * width)];
}
