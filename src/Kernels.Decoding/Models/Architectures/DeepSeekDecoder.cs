using Kernels.OpenCL;

namespace Kernels.Decoding;

/// <summary>
/// What DeepSeek-V2 and V3 share: Llama with multi-head latent attention, and a mixture of experts from some layer on. The layers
/// for predicting further tokens that published checkpoints have behind the others are not read.
/// </summary>
internal abstract class DeepSeekDecoder : LlamaDecoder
{
    // The norms of latent rows have an ε of their own, whatever the configuration says.
    private const double LatentNormEpsilon = 1e-6;

    /// <inheritdoc/>
    public override ModelConfig ReadConfig(ConfigReader json)
    {
        ModelConfig config = base.ReadConfig(json);
        RopeConfig rope = config.Layers[0].Rope!;
        if (rope.Scaling == RopeScaling.LongRope)
        {
            throw json.Unsupported(
                json.AnyOf("rope_parameters", "rope_scaling"), "default, linear, dynamic, llama3, yarn with latent attention");
        }

        int nope = json.Count("qk_nope_head_dim");
        var latent = new LatentConfig(
            json.Count("num_attention_heads"), json.Count("kv_lora_rank"), nope, json.Count("qk_rope_head_dim"), json.Count("v_head_dim"))
        {
            QueryRank = json.OptionalCount("q_lora_rank"),
            Scale = rope.ScoreFactor / Math.Sqrt(nope + rope.RotaryDim),
            Rope = IsInterleaved(json) ? RopeStyle.Interleaved : RopeStyle.HalfSplit,
        };
        return config with
        {
            Latent = latent,
            Experts = json.Has("n_routed_experts") ? ReadExperts(json) : null,
            Layers = [.. config.Layers.Select(layer => layer with { Attention = latent.Absorbed })],
        };
    }

    /// <inheritdoc/>
    protected override AttentionGeometry ReadHeads(ConfigReader json, int hiddenSize)
    {
        int heads = json.Count("num_attention_heads");
        if (json.OptionalCount("num_key_value_heads") is { } kvHeads && kvHeads != heads)
        {
            throw json.Unsupported("num_key_value_heads", $"num_attention_heads, {heads}");
        }

        return new AttentionGeometry(heads, 1, json.Count("kv_lora_rank") + json.Count("qk_rope_head_dim"));
    }

    /// <inheritdoc/>
    protected override int RopeHeadDim(ConfigReader json, AttentionGeometry heads) => json.Count("qk_rope_head_dim");

    /// <summary>Whether elements side by side turn together.</summary>
    protected virtual bool IsInterleaved(ConfigReader json) => true;

    /// <summary>How experts are chosen and weighted; groups are read by the caller.</summary>
    protected abstract RoutingConfig ReadRouting(ConfigReader json);

    /// <summary>Refuses a key with another value than the only one that the family has.</summary>
    protected static void Expect(ConfigReader json, string key, string value)
    {
        if (json.OptionalText(key) is { } text && text != value)
        {
            throw json.Unsupported(key, value);
        }
    }

    /// <inheritdoc/>
    protected override IDecoderBlock BuildAttention(LayerSource source)
    {
        (DecoderWeights weights, ModelConfig config) = (source.Weights, source.Config);
        LatentConfig latent = config.Latent!;
        string prefix = source.Prefix + "self_attn.";
        (Linear, RmsNorm)? queryRows = latent.QueryRank is { } rank
            ? (weights.Linear(config.HiddenSize, config.AttentionBias, (prefix + "q_a_proj", rank)), LatentNorm("q_a_layernorm", rank))
            : null;

        // A head's elements that turn are put first, where the kernels of expanded attention turn them.
        WeightMatrix queries = weights.HeadRows(
            prefix + (latent.QueryRank is null ? "q_proj" : "q_b_proj"), latent.QueryRank ?? config.HiddenSize, latent.Heads,
            latent.HeadDim,
            (latent.NopeDim, latent.RopeDim), (0, latent.NopeDim));
        int expandedRows = latent.NopeDim + latent.ValueDim;
        return new MultiHeadLatentAttention(source.Layer, latent, source.Rope!, new LatentProjections(
            queryRows,
            new Linear(queries, bias: null),
            weights.Linear(config.HiddenSize, config.AttentionBias, (prefix + "kv_a_proj_with_mqa", latent.LatentWidth)),
            LatentNorm("kv_a_layernorm", latent.Rank),
            new Linear(weights.HeadRows(prefix + "kv_b_proj", latent.Rank, latent.Heads, expandedRows, (0, latent.NopeDim)), bias: null),
            weights.HeadMatrices(prefix + "kv_b_proj", latent.Rank, latent.Heads, expandedRows, 0, latent.NopeDim),
            weights.TransposedHeadMatrices(prefix + "kv_b_proj", latent.Rank, latent.Heads, expandedRows, latent.NopeDim, latent.ValueDim),
            weights.Linear(latent.Heads * latent.ValueDim, config.AttentionBias, (prefix + "o_proj", config.HiddenSize))));

        RmsNorm LatentNorm(string name, int width) => new(weights.Vector(prefix + name + ".weight", width), LatentNormEpsilon);
    }

    /// <inheritdoc/>
    protected override IDecoderBlock BuildFeedForward(LayerSource source)
    {
        (DecoderWeights weights, ModelConfig config) = (source.Weights, source.Config);
        if (config.Experts is not { } experts || !experts.Serve(source.Layer))
        {
            return base.BuildFeedForward(source);
        }

        string prefix = source.Prefix + "mlp.";
        DeviceBuffer<float>? bias = experts.Routing.Score == ExpertScore.BiasedSigmoid
            ? weights.Vector(prefix + "gate.e_score_correction_bias", experts.Count)
            : null;
        return new MixtureOfExperts(
            new TopKRouter(
                weights.Linear(config.HiddenSize, hasBias: false, (prefix + "gate", experts.Count)), experts.PerToken,
                experts.Routing, bias),
            weights.Experts(
                prefix + "experts.", experts.Count, config.HiddenSize, ("gate_proj", experts.Width), ("up_proj", experts.Width)),
            new GatedLinearUnit(config.Activation),
            weights.Experts(prefix + "experts.", experts.Count, experts.Width, ("down_proj", config.HiddenSize)))
        {
            Shared = experts.SharedWidth == 0 ? null : GatedFeedForward(source, prefix + "shared_experts.", experts.SharedWidth),
        };
    }

    private ExpertsConfig ReadExperts(ConfigReader json)
    {
        int count = json.Count("n_routed_experts");
        int width = json.Count("moe_intermediate_size");
        int perToken = json.Count("num_experts_per_tok");
        RoutingConfig routing = ReadRouting(json);

        // A group is judged by two of its experts.
        if (routing.Groups > RoutingConfig.MaxGroups || count % routing.Groups != 0 || (routing.Groups > 1 && count / routing.Groups < 2))
        {
            throw json.Unsupported("n_group", $"up to {RoutingConfig.MaxGroups} groups of as many of {count} experts each, two or more");
        }

        if (routing.GroupsPerToken > routing.Groups)
        {
            throw json.Unsupported("topk_group", $"at most n_group, {routing.Groups}");
        }

        int reach = count / routing.Groups * routing.GroupsPerToken;
        return new ExpertsConfig(
            count, perToken <= reach
                ? perToken : throw json.Unsupported("num_experts_per_tok", $"at most the {reach} experts of topk_group groups"))
        {
            Routing = routing,
            Width = width,
            SharedWidth = checked((json.OptionalInteger("n_shared_experts", 0) ?? 0) * width),
            FirstLayer = json.OptionalInteger("first_k_dense_replace", 0) ?? 0,
            Period = json.OptionalCount("moe_layer_freq") ?? 1,
        };
    }
}
