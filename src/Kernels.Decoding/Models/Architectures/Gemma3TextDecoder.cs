namespace Kernels.Decoding;

/// <summary>
/// Gemma-3's text model: Gemma-2 with norms on the heads of queries and keys in place of caps, five layers of six with a window, and a
/// rope of their own for these.
/// </summary>
internal class Gemma3TextDecoder : Gemma2Decoder
{
    /// <inheritdoc/>
    public override string ModelType => "gemma3_text";

    /// <inheritdoc/>
    public override string Defaults => """
        {"vocab_size": 262208, "hidden_size": 2304, "intermediate_size": 9216, "num_hidden_layers": 26, "num_attention_heads": 8,
         "num_key_value_heads": 4, "head_dim": 256, "hidden_activation": "gelu_pytorch_tanh", "max_position_embeddings": 131072,
         "rms_norm_eps": 1e-6, "rope_theta": 1000000, "rope_local_base_freq": 10000, "attention_bias": false, "tie_word_embeddings": true,
         "query_pre_attn_scalar": 256, "sliding_window": 4096, "sliding_window_pattern": 6}
        """;

    /// <inheritdoc/>
    public override ArchitectureTraits Traits { get; } = new() { NormsPerLayer = 4, HasHeadNorms = true };

    /// <inheritdoc/>
    protected override RopeConfig? ReadRope(ConfigReader json, int headDim, int maxPositions, string type, int layer) =>
        type == LayerTypes.Sliding
            ? RopeConfig.Read(json, headDim, maxPositions, type, thetaKey: "rope_local_base_freq", isScaled: false)
            : base.ReadRope(json, headDim, maxPositions, type, layer);

    /// <inheritdoc/>
    protected override HeadNorms HeadNorms(LayerSource source) => NormsOfHeads(source);
}
