namespace Kernels.Decoding;

/// <summary>SmolLM-3: Llama in which some layers, every fourth by default, have no rope.</summary>
internal sealed class SmolLm3Decoder : LlamaDecoder
{
    /// <inheritdoc/>
    public override string ModelType => "smollm3";

    /// <inheritdoc/>
    public override string Defaults => """
        {"vocab_size": 128256, "hidden_size": 2048, "intermediate_size": 11008, "num_hidden_layers": 36, "num_attention_heads": 16,
         "num_key_value_heads": 4, "hidden_act": "silu", "max_position_embeddings": 32768, "rms_norm_eps": 1e-6, "rope_theta": 2000000,
         "use_sliding_window": false, "no_rope_layer_interval": 4, "attention_bias": false, "mlp_bias": false, "tie_word_embeddings": true}
        """;

    /// <inheritdoc/>
    protected override bool HasWindow(ConfigReader json, int layer) =>
        json.Flag("use_sliding_window", false) && json.Has("sliding_window") && !HasRope(json, layer);

    /// <inheritdoc/>
    protected override RopeConfig? ReadRope(ConfigReader json, int headDim, int maxPositions, string type, int layer) =>
        HasRope(json, layer) ? base.ReadRope(json, headDim, maxPositions, type, layer) : null;

    // The list says 1 for layers that have rope, whatever the name of its key.
    private static bool HasRope(ConfigReader json, int layer)
    {
        int layers = json.LayerCount("num_hidden_layers");
        return json.OptionalIntegers("no_rope_layers") is not { } flags ? (layer + 1) % json.Count("no_rope_layer_interval") != 0
            : flags.Length == layers && Array.TrueForAll(flags, flag => flag is 0 or 1) ? flags[layer] == 1
            : throw json.Unsupported("no_rope_layers", $"1 or 0 for each of {layers} layers");
    }
}
