namespace Kernels.Decoding;

/// <summary>
/// Mistral: Llama with a sliding window in every layer, if the configuration has one. Mistral-Nemo and Ministral have heads of another size
/// than the residual stream's part for each.
/// </summary>
internal class MistralDecoder : LlamaDecoder
{
    /// <inheritdoc/>
    public override string ModelType => "mistral";

    /// <inheritdoc/>
    public override string Defaults => """
        {"vocab_size": 32000, "hidden_size": 4096, "intermediate_size": 14336, "num_hidden_layers": 32, "num_attention_heads": 32,
         "num_key_value_heads": 8, "hidden_act": "silu", "max_position_embeddings": 131072, "rms_norm_eps": 1e-6, "rope_theta": 10000,
         "sliding_window": 4096, "tie_word_embeddings": false}
        """;

    /// <inheritdoc/>
    protected override bool HasWindow(ConfigReader json, int layer) => json.Has("sliding_window");
}
