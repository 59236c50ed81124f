using System.Collections.Immutable;
using Kernels.OpenCL;

namespace Kernels.Decoding;

/// <summary>
/// ModernBERT, an encoder: pre-norm layers, all heads' queries, keys and values in one tensor, gated feed-forward blocks, and a window to
/// both sides in two layers of three, which have a rope of their own.
/// </summary>
internal sealed class ModernBertEncoder : Architecture
{
    /// <inheritdoc/>
    public override string ModelType => "modernbert";

    /// <inheritdoc/>
    public override string Defaults => """
        {"vocab_size": 50368, "hidden_size": 768, "intermediate_size": 1152, "num_hidden_layers": 22, "num_attention_heads": 12,
         "hidden_activation": "gelu", "max_position_embeddings": 8192, "norm_eps": 1e-5, "norm_bias": false, "global_rope_theta": 160000,
         "local_rope_theta": 10000, "attention_bias": false, "mlp_bias": false, "global_attn_every_n_layers": 3, "local_attention": 128}
        """;

    /// <inheritdoc/>
    public override ArchitectureTraits Traits { get; } = new() { HasEmbeddingNorm = true, LacksFirstNorm = true, HasHead = false };

    /// <inheritdoc/>
    public override ModelConfig ReadConfig(ConfigReader json)
    {
        int hidden = json.Count("hidden_size");
        int heads = json.Count("num_attention_heads");
        int layerCount = json.LayerCount("num_hidden_layers");
        int maxPositions = json.Count("max_position_embeddings");
        if (hidden % heads != 0)
        {
            throw json.Unsupported("num_attention_heads", $"a divisor of hidden_size, {hidden}");
        }

        int dim = hidden / heads;
        int period = json.Count("global_attn_every_n_layers");
        int side = json.Count("local_attention") / 2;
        var full = new AttentionGeometry(heads, heads, dim) { IsBidirectional = true };
        AttentionGeometry windowed = full with { WindowLeft = side, WindowRight = side };
        string localTheta = json.IsNull("local_rope_theta") ? "global_rope_theta" : "local_rope_theta";
        ImmutableArray<LayerConfig> layers =
        [
            .. LayerTypes.Read(json, layerCount, layer => layer % period != 0).Select(type => type == LayerTypes.Sliding
                ? new LayerConfig(windowed, RopeConfig.Read(json, dim, maxPositions, type, thetaKey: localTheta))
                : new LayerConfig(full, RopeConfig.Read(json, dim, maxPositions, type, thetaKey: "global_rope_theta"))),
        ];
        return new ModelConfig
        {
            ModelType = ModelType,
            VocabularySize = json.Count("vocab_size"),
            HiddenSize = hidden,
            IntermediateSize = json.Count("intermediate_size"),
            Layers = layers,
            NormEpsilon = json.Positive("norm_eps"),
            MaxPositions = maxPositions,
            Activation = ActivationNames.Read(json, "hidden_activation", Activation.Gelu),
            AttentionBias = json.Flag("attention_bias", false),
            FeedForwardBias = json.Flag("mlp_bias", false),
            NormBias = json.Flag("norm_bias", false),
            IsEncoder = true,
            ClassTokenId = json.OptionalInteger("cls_token_id", 0),
            SeparatorTokenId = json.OptionalInteger("sep_token_id", 0),
        };
    }

    /// <inheritdoc/>
    public override DecoderParts Build(DecoderWeights weights, ModelConfig config, int capacity)
    {
        int hidden = config.HiddenSize;
        string root = weights.Root("final_norm.weight", "model.", "");
        var ropes = config.Layers.Select(layer => layer.Rope!).Distinct().ToDictionary(
            rope => rope, rope => new Rotation(weights.Own(RotaryTable.Create(weights.Device, rope, capacity)), RopePairs.HalfSplit));
        var layers = new DecoderLayer[config.Layers.Length];
        for (int layer = 0; layer < layers.Length; layer++)
        {
            string prefix = $"{root}layers.{layer}.";

            // The norm behind the embedding is the first layer's.
            layers[layer] = new DecoderLayer(
                layer == 0 ? null : Norm(prefix + "attn_norm"),
                new MultiHeadAttention(
                    layer,
                    config.Layers[layer].Attention,
                    weights.Linear(hidden, config.AttentionBias, (prefix + "attn.Wqkv", 3 * hidden)),
                    weights.Linear(hidden, config.AttentionBias, (prefix + "attn.Wo", hidden)))
                {
                    Rotation = ropes[config.Layers[layer].Rope!],
                },
                Norm(prefix + "mlp_norm"),
                new GatedFeedForward(
                    weights.Linear(hidden, config.FeedForwardBias, (prefix + "mlp.Wi", 2 * config.IntermediateSize)),
                    new GatedLinearUnit(config.Activation),
                    weights.Linear(config.IntermediateSize, config.FeedForwardBias, (prefix + "mlp.Wo", hidden))));
        }

        WeightMatrix embedding = weights.Matrix(hidden, (root + "embeddings.tok_embeddings", config.VocabularySize));
        return new DecoderParts(
            new TokenEmbedding(embedding) { Norm = Norm(root + "embeddings.norm") }, layers, Norm(root + "final_norm"), Head: null);

        LayerNorm Norm(string name) => new(
            weights.Vector(name + ".weight", hidden), config.NormBias ? weights.Vector(name + ".bias", hidden) : null, config.NormEpsilon);
    }
}
