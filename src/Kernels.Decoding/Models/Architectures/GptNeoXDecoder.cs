using Kernels.OpenCL;

namespace Kernels.Decoding;

/// <summary>
/// GPT-NeoX and Pythia: LayerNorm, attention and feed-forward block side by side, rope on a part of each head, queries, keys and values
/// together head by head, and biases.
/// </summary>
internal sealed class GptNeoXDecoder : Architecture
{
    /// <inheritdoc/>
    public override string ModelType => "gpt_neox";

    /// <inheritdoc/>
    public override string Defaults => """
        {"vocab_size": 50432, "hidden_size": 6144, "num_hidden_layers": 44, "num_attention_heads": 64, "intermediate_size": 24576,
         "hidden_act": "gelu", "rotary_pct": 0.25, "rotary_emb_base": 10000, "max_position_embeddings": 2048, "layer_norm_eps": 1e-5,
         "tie_word_embeddings": false, "use_parallel_residual": true, "attention_bias": true}
        """;

    /// <inheritdoc/>
    public override ArchitectureTraits Traits { get; } = new() { IsGated = false };

    /// <inheritdoc/>
    public override ModelConfig ReadConfig(ConfigReader json)
    {
        int hidden = json.Count("hidden_size");
        int heads = json.Count("num_attention_heads");
        int maxPositions = json.Count("max_position_embeddings");
        if (hidden % heads != 0)
        {
            throw json.Unsupported("num_attention_heads", $"a divisor of hidden_size, {hidden}");
        }

        int dim = hidden / heads;
        var layer = new LayerConfig(
            new AttentionGeometry(heads, heads, dim),
            RopeConfig.Read(
                json, dim, maxPositions, LayerTypes.Full,
                thetaKey: json.AnyOf("rotary_emb_base", "rope_theta"), partialKey: json.AnyOf("rotary_pct", "partial_rotary_factor")));
        return new ModelConfig
        {
            ModelType = ModelType,
            VocabularySize = json.Count("vocab_size"),
            HiddenSize = hidden,
            IntermediateSize = json.Count("intermediate_size"),
            Layers = [.. Enumerable.Repeat(layer, json.LayerCount("num_hidden_layers"))],
            NormEpsilon = json.Positive("layer_norm_eps"),
            MaxPositions = maxPositions,
            Activation = ActivationNames.Read(json, "hidden_act", Activation.Gelu),
            AttentionBias = json.Flag("attention_bias", true),
            FeedForwardBias = true,
            NormBias = true,
            ParallelBlocks = json.Flag("use_parallel_residual", true),
            TiedEmbeddings = json.Flag("tie_word_embeddings", false),
        };
    }

    /// <inheritdoc/>
    public override DecoderParts Build(DecoderWeights weights, ModelConfig config, int capacity)
    {
        int hidden = config.HiddenSize;
        string root = weights.Root("final_layer_norm.weight", "gpt_neox.", "");
        var rotation = new Rotation(weights.Own(RotaryTable.Create(weights.Device, config.Layers[0].Rope!, capacity)), RopePairs.HalfSplit);
        var layers = new DecoderLayer[config.Layers.Length];
        for (int layer = 0; layer < layers.Length; layer++)
        {
            string prefix = $"{root}layers.{layer}.";
            layers[layer] = new DecoderLayer(
                Norm(prefix + "input_layernorm"),
                new MultiHeadAttention(
                    layer,
                    config.Layers[layer].Attention,
                    weights.Linear(hidden, config.AttentionBias, (prefix + "attention.query_key_value", 3 * hidden)),
                    weights.Linear(hidden, config.AttentionBias, (prefix + "attention.dense", hidden)),
                    ProjectionOrder.ByHead) { Rotation = rotation },
                Norm(prefix + "post_attention_layernorm"),
                new FeedForward(
                    weights.Linear(hidden, hasBias: true, (prefix + "mlp.dense_h_to_4h", config.IntermediateSize)),
                    config.Activation,
                    weights.Linear(config.IntermediateSize, hasBias: true, (prefix + "mlp.dense_4h_to_h", hidden))))
            {
                IsParallel = config.ParallelBlocks,
            };
        }

        (WeightMatrix embedding, Linear? head) = weights.Ends(root + "embed_in", "embed_out", config);
        return new DecoderParts(new TokenEmbedding(embedding), layers, Norm(root + "final_layer_norm"), head);

        LayerNorm Norm(string name) =>
            new(weights.Vector(name + ".weight", hidden), weights.Vector(name + ".bias", hidden), config.NormEpsilon);
    }
}
