using System.Collections.Immutable;
using Kernels.OpenCL;

namespace Kernels.Decoding;

/// <summary>
/// Llama: pre-norm layers with RMSNorm, grouped-query attention with half-split rope, and a gated feed-forward block; optional
/// biases. Families that differ from it in single parts build on it.
/// </summary>
internal class LlamaDecoder : Architecture
{
    /// <inheritdoc/>
    public override string ModelType => "llama";

    /// <inheritdoc/>
    public override string Defaults => """
        {"vocab_size": 32000, "hidden_size": 4096, "intermediate_size": 11008, "num_hidden_layers": 32, "num_attention_heads": 32,
         "hidden_act": "silu", "max_position_embeddings": 2048, "rms_norm_eps": 1e-6, "rope_theta": 10000, "attention_bias": false,
         "mlp_bias": false, "tie_word_embeddings": false}
        """;

    /// <inheritdoc/>
    public override ModelConfig ReadConfig(ConfigReader json)
    {
        int hiddenSize = json.Count("hidden_size");
        int layerCount = json.LayerCount("num_hidden_layers");
        int maxPositions = json.Count("max_position_embeddings");
        AttentionGeometry full = ReadHeads(json, hiddenSize);
        var layers = ImmutableArray.CreateBuilder<LayerConfig>(layerCount);
        foreach ((int layer, string type) in LayerTypes.Read(json, layerCount, layer => HasWindow(json, layer)).Index())
        {
            // The configuration counts the query's own key, the geometry does not.
            AttentionGeometry attention = type == LayerTypes.Sliding ? full with { WindowLeft = json.Count("sliding_window") - 1 } : full;
            layers.Add(new LayerConfig(attention, ReadRope(json, RopeHeadDim(json, full), maxPositions, type, layer)));
        }

        return new ModelConfig
        {
            ModelType = ModelType,
            VocabularySize = json.Count("vocab_size"),
            HiddenSize = hiddenSize,
            IntermediateSize = json.Count("intermediate_size"),
            Layers = layers.ToImmutable(),
            NormEpsilon = json.Positive(NormEpsilonKey),
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
        // Of checkpoints with a vision tower besides, and of the bare model.
        string root = weights.Root("norm.weight", "model.", "language_model.model.", "model.language_model.", "");
        var ropes = new Dictionary<RopeConfig, RotaryTable>();
        var layers = new DecoderLayer[config.Layers.Length];
        for (int layer = 0; layer < layers.Length; layer++)
        {
            RotaryTable? table = null;
            if (config.Layers[layer].Rope is { } rope && !ropes.TryGetValue(rope, out table))
            {
                table = weights.Own(RotaryTable.Create(weights.Device, rope, capacity));
                ropes.Add(rope, table);
            }

            layers[layer] = BuildLayer(new LayerSource(weights, config, layer, table, $"{root}layers.{layer}."));
        }

        (WeightMatrix embedding, Linear? head) = weights.Ends(
            root + "embed_tokens", weights.Root("lm_head.weight", "", "language_model.") + "lm_head", config);
        return new DecoderParts(
            new TokenEmbedding(embedding) { Scale = EmbeddingScale(config) },
            layers,
            StreamNorm(weights, config, root + "norm"),
            head);
    }

    /// <summary>The key of the number that is added to a variance.</summary>
    protected virtual string NormEpsilonKey => "rms_norm_eps";

    /// <summary>Reads a layer's rope; null for none.</summary>
    /// <param name="json">The model's configuration.</param>
    /// <param name="headDim">The elements of a head that rope may turn.</param>
    /// <param name="maxPositions">Positions of the model.</param>
    /// <param name="type">The type of the layer, of <see cref="LayerTypes"/>.</param>
    /// <param name="layer">The layer's number.</param>
    protected virtual RopeConfig? ReadRope(ConfigReader json, int headDim, int maxPositions, string type, int layer) =>
        RopeConfig.Read(json, headDim, maxPositions, type);

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
    protected virtual double EmbeddingScale(ModelConfig config) => config.EmbeddingScale;

    /// <summary>A norm.</summary>
    protected virtual RmsNorm Norm(DecoderWeights weights, ModelConfig config, string name, int width) =>
        new(weights.Vector(name + ".weight", width), config.NormEpsilon);

    /// <summary>A norm of the residual stream.</summary>
    protected virtual INorm StreamNorm(DecoderWeights weights, ModelConfig config, string name) =>
        Norm(weights, config, name, config.HiddenSize);

    /// <summary>A layer from its blocks.</summary>
    protected virtual DecoderLayer BuildLayer(LayerSource source) => new(
        StreamNorm(source, "input_layernorm"), BuildAttention(source), StreamNorm(source, "post_attention_layernorm"),
        BuildFeedForward(source));

    /// <summary>A norm of the residual stream in a layer.</summary>
    protected INorm StreamNorm(LayerSource source, string name) => StreamNorm(source.Weights, source.Config, source.Prefix + name);

    /// <summary>A norm of a layer.</summary>
    protected RmsNorm Norm(LayerSource source, string name) =>
        Norm(source.Weights, source.Config, source.Prefix + name, source.Config.HiddenSize);

    /// <summary>The norms of a layer's heads; null for none.</summary>
    protected virtual HeadNorms? HeadNorms(LayerSource source) => null;

    /// <summary>The norms of a layer's heads, <c>q_norm</c> and <c>k_norm</c>, each of a head alone.</summary>
    protected HeadNorms NormsOfHeads(LayerSource source)
    {
        int dim = source.Config.Layers[source.Layer].Attention.HeadDim;
        string prefix = source.Prefix + "self_attn.";
        return new HeadNorms(
            Norm(source.Weights, source.Config, prefix + "q_norm", dim), Norm(source.Weights, source.Config, prefix + "k_norm", dim));
    }

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
            source.Weights.Linear(config.HiddenSize, config.AttentionBias, ProjectionParts(prefix, queries, keys)),
            source.Weights.Linear(queries, config.AttentionBias && Traits.HasAttentionOutputBias, (prefix + "o_proj", config.HiddenSize)))
        {
            Rotation = source.Rope is null ? null : new Rotation(source.Rope, Pairs),
            Norms = HeadNorms(source),
            Sinks = Sinks(source),
        };
    }

    /// <summary>Which elements of a head rope turns together.</summary>
    protected virtual RopePairs Pairs => RopePairs.HalfSplit;

    /// <summary>The tensors of the projection to queries, keys and values, and the outputs of each.</summary>
    protected virtual (string Name, int Rows)[] ProjectionParts(string prefix, int queries, int keys) =>
        [(prefix + "q_proj", queries), (prefix + "k_proj", keys), (prefix + "v_proj", keys)];

    /// <summary>The tensors of the projection to gates and values of a gated feed-forward block, and the outputs of each.</summary>
    protected virtual (string Name, int Rows)[] GateParts(string prefix, int width) =>
        [(prefix + "gate_proj", width), (prefix + "up_proj", width)];

    /// <summary>A layer's feed-forward block.</summary>
    protected virtual IDecoderBlock BuildFeedForward(LayerSource source) =>
        GatedFeedForward(source, source.Prefix + "mlp.", source.Config.IntermediateSize);

    /// <summary>A gated feed-forward block.</summary>
    /// <param name="source">The layer.</param>
    /// <param name="prefix">What the names of its tensors begin with.</param>
    /// <param name="width">Elements between its halves.</param>
    protected GatedFeedForward GatedFeedForward(LayerSource source, string prefix, int width)
    {
        ModelConfig config = source.Config;
        return new GatedFeedForward(
            source.Weights.Linear(config.HiddenSize, config.FeedForwardBias, GateParts(prefix, width)),
            new GatedLinearUnit(config.Activation),
            source.Weights.Linear(width, config.FeedForwardBias, (prefix + "down_proj", config.HiddenSize)));
    }

    /// <summary>A mixture of experts that are chosen by the softmax of their logits, each with tensors of its own.</summary>
    /// <param name="source">The layer.</param>
    /// <param name="prefix">What the names of its tensors begin with.</param>
    /// <param name="gate">The name of an expert's gate.</param>
    /// <param name="up">The name of its values.</param>
    /// <param name="down">The name of its way back.</param>
    protected static MixtureOfExperts Mixture(LayerSource source, string prefix, string gate, string up, string down)
    {
        (DecoderWeights weights, ModelConfig config) = (source.Weights, source.Config);
        ExpertsConfig experts = config.Experts!;
        return new MixtureOfExperts(
            new TopKRouter(
                weights.Linear(config.HiddenSize, hasBias: false, (prefix + "gate", experts.Count)), experts.PerToken, experts.Routing),
            weights.Experts(prefix + "experts.", experts.Count, config.HiddenSize, (gate, experts.Width), (up, experts.Width)),
            new GatedLinearUnit(config.Activation),
            weights.Experts(prefix + "experts.", experts.Count, experts.Width, (down, config.HiddenSize)));
    }

    /// <summary>Reads the number of experts and that of a token's.</summary>
    /// <param name="json">The model's configuration.</param>
    /// <param name="countKey">The key of the number of experts.</param>
    protected static (int Count, int PerToken) ReadExpertCounts(ConfigReader json, string countKey)
    {
        (int count, int perToken) = (json.Count(countKey), json.Count("num_experts_per_tok"));
        return perToken <= count ? (count, perToken) : throw json.Unsupported("num_experts_per_tok", $"at most {countKey}, {count}");
    }

    /// <summary>What a layer is built from.</summary>
    /// <param name="Weights">The checkpoint's weights.</param>
    /// <param name="Config">The model.</param>
    /// <param name="Layer">The layer's number.</param>
    /// <param name="Rope">The turns of its rope; null for none.</param>
    /// <param name="Prefix">What the names of the layer's tensors begin with.</param>
    protected sealed record LayerSource(DecoderWeights Weights, ModelConfig Config, int Layer, RotaryTable? Rope, string Prefix);
}
