namespace Kernels.Decoding;

/// <summary>
/// Phi-3 and Phi-4: Llama whose queries, keys and values are one tensor, and gates and values another; those for long texts have LongRoPE.
/// </summary>
internal sealed class Phi3Decoder : LlamaDecoder
{
    /// <inheritdoc/>
    public override string ModelType => "phi3";

    /// <inheritdoc/>
    public override string Defaults => """
        {"vocab_size": 32064, "hidden_size": 3072, "intermediate_size": 8192, "num_hidden_layers": 32, "num_attention_heads": 32,
         "hidden_act": "silu", "max_position_embeddings": 4096, "original_max_position_embeddings": 4096, "rms_norm_eps": 1e-5,
         "rope_theta": 10000, "partial_rotary_factor": 1.0, "tie_word_embeddings": false}
        """;

    /// <inheritdoc/>
    public override ModelConfig ReadConfig(ConfigReader json) =>
        base.ReadConfig(json) with { AttentionBias = false, FeedForwardBias = false };

    /// <inheritdoc/>
    protected override bool HasWindow(ConfigReader json, int layer) => json.Has("sliding_window");

    /// <inheritdoc/>
    protected override (string Name, int Rows)[] ProjectionParts(string prefix, int queries, int keys) =>
        [(prefix + "qkv_proj", queries + (2 * keys))];

    /// <inheritdoc/>
    protected override (string Name, int Rows)[] GateParts(string prefix, int width) => [(prefix + "gate_up_proj", 2 * width)];
}
