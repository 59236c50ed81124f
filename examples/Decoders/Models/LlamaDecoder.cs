using Kernels.OpenCL;

namespace Decoders;

/// <summary>
/// Llama and Mistral: pre-norm layers with RMSNorm, grouped-query attention with half-split rope, and a SwiGLU feed-forward
/// block; optional biases.
/// </summary>
public sealed class LlamaDecoder : Architecture
{
    /// <inheritdoc/>
    protected override IReadOnlyList<string> Types { get; } = ["llama", "mistral"];

    /// <inheritdoc/>
    public override ModelConfig ReadConfig(ConfigReader json)
    {
        if ((json.OptionalText("hidden_act") ?? "silu") != "silu")
        {
            throw json.Unsupported("hidden_act", "silu");
        }

        int hiddenSize = json.Count("hidden_size");
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

        int headDim = json.OptionalCount("head_dim") ?? hiddenSize / queryHeads;
        int maxPositions = json.Count("max_position_embeddings");
        return new ModelConfig
        {
            ModelType = json.Text("model_type"),
            VocabularySize = json.Count("vocab_size"),
            HiddenSize = hiddenSize,
            IntermediateSize = json.Count("intermediate_size"),
            Layers = json.Count("num_hidden_layers"),
            QueryHeads = queryHeads,
            KvHeads = kvHeads,
            HeadDim = headDim,
            NormEpsilon = json.Positive("rms_norm_eps"),
            MaxPositions = maxPositions,
            Rope = RopeConfig.Read(json, headDim, maxPositions),
            AttentionBias = json.Flag("attention_bias", false),
            FeedForwardBias = json.Flag("mlp_bias", false),
            TiedEmbeddings = json.Flag("tie_word_embeddings", false),
            SlidingWindow = json.OptionalCount("sliding_window"),
        };
    }

    /// <inheritdoc/>
    public override DecoderParts Build(DecoderWeights weights, ModelConfig config, int capacity)
    {
        int hidden = config.HiddenSize;
        int queries = config.QueryHeads * config.HeadDim;
        int keys = config.KvHeads * config.HeadDim;
        RopeTable rope = weights.Own(RopeTable.Create(weights.Device, config.Rope, capacity));
        var layers = new DecoderLayer[config.Layers];
        for (int layer = 0; layer < layers.Length; layer++)
        {
            string prefix = $"model.layers.{layer}.";
            string attention = prefix + "self_attn.";
            string feedForward = prefix + "mlp.";
            layers[layer] = new DecoderLayer(
                Norm(prefix + "input_layernorm"),
                new RotaryAttention(
                    layer,
                    new HeadGeometry(config.QueryHeads, config.KvHeads, config.HeadDim),
                    weights.Linear(hidden, config.AttentionBias, (attention + "q_proj", queries), (attention + "k_proj", keys), (attention + "v_proj", keys)),
                    weights.Linear(queries, config.AttentionBias, (attention + "o_proj", hidden)),
                    rope,
                    RopePairs.HalfSplit),
                Norm(prefix + "post_attention_layernorm"),
                new SwiGluFeedForward(
                    weights.Linear(hidden, config.FeedForwardBias, (feedForward + "gate_proj", config.IntermediateSize), (feedForward + "up_proj", config.IntermediateSize)),
                    weights.Linear(config.IntermediateSize, config.FeedForwardBias, (feedForward + "down_proj", hidden))));
        }

        WeightMatrix embedding = weights.Matrix(hidden, ("model.embed_tokens", config.VocabularySize));
        return new DecoderParts(
            embedding,
            layers,
            Norm("model.norm"),
            config.TiedEmbeddings ? new Linear(embedding, bias: null) : weights.Linear(hidden, hasBias: false, ("lm_head", config.VocabularySize)));

        RmsNorm Norm(string name) => new(weights.Vector(name + ".weight", hidden), config.NormEpsilon);
    }
}
