using Kernels.OpenCL;

namespace Kernels.Decoding;

/// <summary>
/// Bloom: pre-norm layers with LayerNorm, multi-head attention with ALiBi, a norm behind the embedding, and biases everywhere.
/// </summary>
internal sealed class BloomDecoder : Architecture
{
    /// <inheritdoc/>
    public override string ModelType => "bloom";

    /// <inheritdoc/>
    public override string Defaults =>
        """{"vocab_size": 250880, "hidden_size": 64, "n_head": 8, "n_layer": 2, "layer_norm_epsilon": 1e-5}""";

    /// <inheritdoc/>
    public override ArchitectureTraits Traits { get; } = new() { IsGated = false, HasBiases = true, HasEmbeddingNorm = true };

    /// <inheritdoc/>
    public override ModelConfig ReadConfig(ConfigReader json)
    {
        if (json.Flag("apply_residual_connection_post_layernorm", false))
        {
            throw json.Unsupported("apply_residual_connection_post_layernorm", "false");
        }

        int hidden = json.Count(json.AnyOf("hidden_size", "n_embed"));
        string headsKey = json.AnyOf("n_head", "num_attention_heads");
        int heads = json.Count(headsKey);
        if (hidden % heads != 0)
        {
            throw json.Unsupported(headsKey, $"a divisor of the hidden size, {hidden}");
        }

        var layer = new LayerConfig(new AttentionGeometry(heads, heads, hidden / heads) { Alibi = true }, Rope: null);
        return new ModelConfig
        {
            ModelType = ModelType,
            VocabularySize = json.Count("vocab_size"),
            HiddenSize = hidden,
            IntermediateSize = 4 * hidden,
            Layers = [.. Enumerable.Repeat(layer, json.LayerCount(json.AnyOf("n_layer", "num_hidden_layers")))],
            NormEpsilon = json.OptionalPositive("layer_norm_epsilon") ?? 1e-5,
            MaxPositions = int.MaxValue,
            Activation = Activation.GeluTanh,
            TiedEmbeddings = json.Flag("tie_word_embeddings", true),
        };
    }

    /// <inheritdoc/>
    public override DecoderParts Build(DecoderWeights weights, ModelConfig config, int capacity)
    {
        int hidden = config.HiddenSize;

        // Checkpoints of the bare model, which the published ones are, have no prefix.
        string root = weights.Root("ln_f.weight", "transformer.", "");
        var layers = new DecoderLayer[config.Layers.Length];
        for (int layer = 0; layer < layers.Length; layer++)
        {
            string prefix = $"{root}h.{layer}.";
            layers[layer] = new DecoderLayer(
                Norm(prefix + "input_layernorm"),
                new MultiHeadAttention(
                    layer,
                    config.Layers[layer].Attention,
                    Linear(prefix + "self_attention.query_key_value", hidden, 3 * hidden),
                    Linear(prefix + "self_attention.dense", hidden, hidden),
                    ProjectionOrder.ByHead),
                Norm(prefix + "post_attention_layernorm"),
                new FeedForward(
                    Linear(prefix + "mlp.dense_h_to_4h", hidden, config.IntermediateSize),
                    config.Activation,
                    Linear(prefix + "mlp.dense_4h_to_h", config.IntermediateSize, hidden)));
        }

        (WeightMatrix embedding, Linear? head) = weights.Ends(root + "word_embeddings", "lm_head", config);
        return new DecoderParts(
            new TokenEmbedding(embedding) { Norm = Norm(root + "word_embeddings_layernorm") },
            layers,
            Norm(root + "ln_f"),
            head);

        Linear Linear(string name, int inputs, int outputs) => weights.Linear(inputs, hasBias: true, (name, outputs));

        LayerNorm Norm(string name) =>
            new(weights.Vector(name + ".weight", hidden), weights.Vector(name + ".bias", hidden), config.NormEpsilon);
    }
}
