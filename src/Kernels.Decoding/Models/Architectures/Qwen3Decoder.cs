namespace Kernels.Decoding;

/// <summary>
/// Qwen-3: Llama with norms on the heads of queries and keys, and a sliding window in the upper layers if the configuration turns it on.
/// </summary>
internal class Qwen3Decoder : LlamaDecoder
{
    /// <inheritdoc/>
    public override string ModelType => "qwen3";

    /// <inheritdoc/>
    public override string Defaults => """
        {"vocab_size": 151936, "hidden_size": 4096, "intermediate_size": 22016, "num_hidden_layers": 32, "num_attention_heads": 32,
         "num_key_value_heads": 32, "head_dim": 128, "hidden_act": "silu", "max_position_embeddings": 32768, "rms_norm_eps": 1e-6,
         "rope_theta": 10000, "attention_bias": false, "use_sliding_window": false, "sliding_window": 4096, "max_window_layers": 28,
         "tie_word_embeddings": false}
        """;

    /// <inheritdoc/>
    public override ArchitectureTraits Traits { get; } = new() { HasHeadNorms = true };

    /// <inheritdoc/>
    protected override bool HasWindow(ConfigReader json, int layer) =>
        json.Flag("use_sliding_window", false) && json.Has("sliding_window") && layer >= json.OptionalInteger("max_window_layers", 0);

    /// <inheritdoc/>
    protected override HeadNorms HeadNorms(LayerSource source) => NormsOfHeads(source);
}
