namespace Kernels.Decoding;

/// <summary>Gemma: Llama with a scaled embedding, norms whose weights count from 1, GeGLU and tied embeddings.</summary>
internal class GemmaDecoder : LlamaDecoder
{
    /// <inheritdoc/>
    public override string ModelType => "gemma";

    /// <inheritdoc/>
    public override string Defaults => """
        {"vocab_size": 256000, "hidden_size": 3072, "intermediate_size": 24576, "num_hidden_layers": 28, "num_attention_heads": 16,
         "num_key_value_heads": 16, "head_dim": 256, "max_position_embeddings": 8192, "rms_norm_eps": 1e-6, "rope_theta": 10000,
         "attention_bias": false, "tie_word_embeddings": true}
        """;

    /// <inheritdoc/>
    public override ModelConfig ReadConfig(ConfigReader json)
    {
        if (json.Flag("use_bidirectional_attention", false))
        {
            throw json.Unsupported("use_bidirectional_attention", "false");
        }

        // The first files say "gelu" in hidden_act and mean its approximation, as hidden_activation was added to say.
        bool saysApproximation = json.Has("hidden_activation") || json.OptionalText("hidden_act") is not (null or "gelu");
        return base.ReadConfig(json) with
        {
            Activation = saysApproximation
                ? ActivationNames.Read(json, json.AnyOf("hidden_activation", "hidden_act"), Activation.GeluTanh)
                : Activation.GeluTanh,
            TiedEmbeddings = json.Flag("tie_word_embeddings", true),
        };
    }

    /// <inheritdoc/>
    protected override double EmbeddingScale(ModelConfig config) => Math.Sqrt(config.HiddenSize);

    /// <inheritdoc/>
    protected override RmsNorm Norm(DecoderWeights weights, ModelConfig config, string name, int width) =>
        new(weights.Vector(name + ".weight", width, plus: 1), config.NormEpsilon);
}
