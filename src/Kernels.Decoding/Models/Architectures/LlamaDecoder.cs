using System.Collections.Immutable;
using Kernels.OpenCL;

namespace Kernels.Decoding;

/// <summary>
/// Llama: pre-norm layers with RMSNorm, grouped-query attention with half-split rope, and a gated feed-forward block; optional
/// biases. Families that differ from it in single parts build on it.
/// </summary>
public class LlamaDecoder : Architecture
{
    /// <inheritdoc/>
    public override string ModelType => "llama";

    /// <inheritdoc/>
    public override ModelConfig ReadConfig(ConfigReader json)
    {
        int hiddenSize = json.Count("hidden_size");
        int layerCount = json.Count("num_hidden_layers");
        int maxPositions = json.Count("max_position_embeddings");
        AttentionGeometry full = ReadHeads(json, hiddenSize);
        var layers = ImmutableArray.CreateBuilder<LayerConfig>(layerCount);
        foreach (string type in LayerTypes.Read(json, layerCount, layer => HasWindow(json, layer)))
        {
            // The configuration counts the query's own key, the geometry does not.
            AttentionGeometry attention = type == LayerTypes.Sliding ? full with { WindowLeft = json.Count("sliding_window") - 1 } : full;
            layers.Add(new LayerConfig(attention, RopeConfig.Read(json, RopeHeadDim(json, full), maxPositions, type)));
        }

        return new ModelConfig
        {
            ModelType = ModelType,
            VocabularySize = json.Count("vocab_size"),
            HiddenSize = hiddenSize,
            IntermediateSize = json.Count("intermediate_size"),
            Layers = layers.ToImmutable(),
            NormEpsilon = json.Positive("rms_norm_eps"),
            MaxPositions = maxPositions,
            Activation = ActivationNames.Read(json, "hidden_act", Activation.Silu),
            AttentionBias = json.Flag("attention_bias", false),
            FeedForwardBias = json.Flag("mlp_bias", false),
            TiedEmbeddings = json.Flag("tie_word_embeddings", false),
        };
    }

    /// <inheritdoc/>
    public override DecoderParts Build(DecoderWeights weights, ModelConfig config, int capacity)
    {
        var ropes = new Dictionary<RopeConfig, RotaryTable>();
        var layers = new DecoderLayer[config.Layers.Length];
        for (int layer = 0; layer < layers.Length; layer++)
        {
            RopeConfig rope = config.Layers[layer].Rope!;
            if (!ropes.TryGetValue(rope, out RotaryTable? table))
            {
                table = weights.Own(RotaryTable.Create(weights.Device, rope, capacity));
                ropes.Add(rope, table);
            }

            layers[layer] = BuildLayer(new LayerSource(weights, config, layer, table));
        }

        WeightMatrix embedding = weights.Matrix(config.HiddenSize, ("model.embed_tokens", config.VocabularySize));
        return new DecoderParts(
            new TokenEmbedding(embedding) { Scale = EmbeddingScale(config) },
            layers,
            Norm(weights, config, "model.norm", config.HiddenSize),
            config.TiedEmbeddings ? new Linear(embedding, bias: null) : weights.Linear(config.HiddenSize, hasBias: false, ("lm_head", config.VocabularySize)));
    }

    /// <summary>Reads the heads of a layer that sees all keys.</summary>
    protected virtual AttentionGeometry ReadHeads(ConfigReader json, int hiddenSize)
    {
        int queryHeads = json.Count("num_attention_heads");
        int kvHeads = json.OptionalCount("num_key_value_heads") ?? queryHeads;
        if (queryHeads % kvHeads != 0)
        {
            throw json.Unsupported("num_key_value_heads", $"a divisor of num_attention_heads, {queryHeads}");
        }

        if (!json.Has("head_dim") && hiddenSize % queryHeads != 0)
        {
            throw json.Unsupported("num_attention_heads", $"a divisor of hidden_size, {hiddenSize}, where there is no head_dim");
        }

        return new AttentionGeometry(queryHeads, kvHeads, json.OptionalCount("head_dim") ?? hiddenSize / queryHeads);
    }

    /// <summary>Whether a layer has a sliding window where the configuration does not list which have.</summary>
    protected virtual bool HasWindow(ConfigReader json, int layer) => false;

    /// <summary>The elements of a head that rope may turn.</summary>
    protected virtual int RopeHeadDim(ConfigReader json, AttentionGeometry heads) => heads.HeadDim;

    /// <summary>The factor on the embedding.</summary>
    protected virtual double EmbeddingScale(ModelConfig config) => 1;

    /// <summary>A norm.</summary>
    protected virtual RmsNorm Norm(DecoderWeights weights, ModelConfig config, string name, int width) =>
        new(weights.Vector(name + ".weight", width), config.NormEpsilon);

    /// <summary>A layer from its blocks.</summary>
    protected virtual DecoderLayer BuildLayer(LayerSource source) => new(
        Norm(source, "input_layernorm"), BuildAttention(source), Norm(source, "post_attention_layernorm"), BuildFeedForward(source));

    /// <summary>A norm of a layer.</summary>
    protected RmsNorm Norm(LayerSource source, string name) => Norm(source.Weights, source.Config, source.Prefix + name, source.Config.HiddenSize);

    /// <summary>The norms of a layer's heads; null for none.</summary>
    protected virtual HeadNorms? HeadNorms(LayerSource source) => null;

    /// <summary>The learned logits of a layer's heads; null for none.</summary>
    protected virtual DeviceBuffer<float>? Sinks(LayerSource source) => null;

    /// <summary>A layer's attention.</summary>
    protected virtual IDecoderBlock BuildAttention(LayerSource source)
    {
        ModelConfig config = source.Config;
        AttentionGeometry geometry = config.Layers[source.Layer].Attention;
        string prefix = source.Prefix + "self_attn.";
        int queries = geometry.QueryHeads * geometry.HeadDim;
        int keys = geometry.KvHeads * geometry.HeadDim;
        return new MultiHeadAttention(
            source.Layer,
            geometry,
            source.Weights.Linear(config.HiddenSize, config.AttentionBias, (prefix + "q_proj", queries), (prefix + "k_proj", keys), (prefix + "v_proj", keys)),
            source.Weights.Linear(queries, config.AttentionBias, (prefix + "o_proj", config.HiddenSize)))
        {
            Rotation = new Rotation(source.Rope, RopePairs.HalfSplit),
            Norms = HeadNorms(source),
            Sinks = Sinks(source),
        };
    }

    /// <summary>A layer's feed-forward block.</summary>
    protected virtual IDecoderBlock BuildFeedForward(LayerSource source) => GatedFeedForward(source, source.Prefix + "mlp.", source.Config.IntermediateSize);

    /// <summary>A gated feed-forward block.</summary>
    /// <param name="source">The layer.</param>
    /// <param name="prefix">What the names of its tensors begin with.</param>
    /// <param name="width">Elements between its halves.</param>
    protected static GatedFeedForward GatedFeedForward(LayerSource source, string prefix, int width)
    {
        ModelConfig config = source.Config;
        return new GatedFeedForward(
            source.Weights.Linear(config.HiddenSize, config.FeedForwardBias, (prefix + "gate_proj", width), (prefix + "up_proj", width)),
            new GatedLinearUnit(config.Activation),
            source.Weights.Linear(width, config.FeedForwardBias, (prefix + "down_proj", config.HiddenSize)));
    }

    /// <summary>What a layer is built from.</summary>
    /// <param name="Weights">The checkpoint's weights.</param>
    /// <param name="Config">The model.</param>
    /// <param name="Layer">The layer's number.</param>
    /// <param name="Rope">The turns of its rope.</param>
    protected sealed record LayerSource(DecoderWeights Weights, ModelConfig Config, int Layer, RotaryTable Rope)
    {
        /// <summary>What the names of the layer's tensors begin with.</summary>
        public string Prefix { get; } = $"model.layers.{Layer}.";
    }
}
