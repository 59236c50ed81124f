using System.Text.Json.Nodes;

namespace Kernels.Decoding.Tests;

/// <summary>A checkpoint of a small decoder of Llama's kin with random weights, of any stored type.</summary>
/// <param name="ModelType">The architecture.</param>
/// <param name="Type">The stored type of the weights.</param>
/// <param name="Bias">Whether attention has biases, and the feed-forward blocks where the architecture knows them.</param>
/// <param name="Tied">Whether the head is the embedding.</param>
internal sealed record RandomDecoder(string ModelType, string Type, bool Bias, bool Tied)
{
    public const int Vocabulary = 37;
    public const int Hidden = 20;
    public const int Intermediate = 27;
    public const int Layers = 3;
    public const int QueryHeads = 6;
    public const int KvHeads = 2;
    public const int HeadDim = 10;
    public const int Window = 4;
    public const int Experts = 5;
    public const int ExpertsPerToken = 3;
    public const double Epsilon = 1e-5;
    public const double Theta = 1000;
    public const double QueryScalar = 7;
    public const double ScoreSoftcap = 3;
    public const double LogitSoftcap = 8;
    public const double GateLimit = 1.5;

    // DeepSeek's latent attention and experts.
    public const int Rank = 9;
    public const int QueryRank = 11;
    public const int NopeDim = 6;
    public const int RopeDim = 4;
    public const int ValueDim = 5;
    public const int RoutedExperts = 8;
    public const int Groups = 4;
    public const int GroupsPerToken = 2;
    public const int ExpertWidth = 13;
    public const int SharedExperts = 2;
    public const double RoutedScale = 1.7;

    private Dictionary<string, StoredTensor>? tensors;

    public bool IsGemma => ModelType is "gemma" or "gemma2";

    public bool IsDeepSeek => ModelType is "deepseek_v2" or "deepseek_v3";

    /// <summary>The weights, as they are once stored.</summary>
    public Dictionary<string, StoredTensor> Tensors => tensors ??= CreateTensors();

    /// <summary>The window of a layer, its own key included; null if it sees all keys.</summary>
    public int? WindowOf(int layer) => ModelType switch
    {
        "mistral" => Window,
        "qwen3" => layer >= 1 ? Window : null,
        "gemma2" => layer % 2 == 0 ? Window : null,
        "gpt_oss" => layer % 2 == 0 ? Window : null,
        _ => null,
    };

    /// <summary>Writes the checkpoint; in more than one file if there is to be an index.</summary>
    public void Write(
        TemporaryFolder folder, int files = 1, Action<JsonObject>? changeConfig = null,
        Action<Dictionary<string, StoredTensor>>? changeTensors = null)
    {
        JsonObject config = Config();
        changeConfig?.Invoke(config);
        folder.Write("config.json", config.ToJsonString());
        var written = new Dictionary<string, StoredTensor>(Tensors, StringComparer.Ordinal);
        changeTensors?.Invoke(written);
        StoredTensors.Write(folder, written, Type, files);
    }

    private JsonObject Config()
    {
        var config = new JsonObject
        {
            ["model_type"] = ModelType,
            ["vocab_size"] = Vocabulary,
            ["hidden_size"] = Hidden,
            ["intermediate_size"] = Intermediate,
            ["num_hidden_layers"] = Layers,
            ["num_attention_heads"] = QueryHeads,
            ["num_key_value_heads"] = KvHeads,
            ["head_dim"] = HeadDim,
            ["max_position_embeddings"] = 64,
            ["rms_norm_eps"] = Epsilon,
            ["rope_theta"] = Theta,

            // Without the key gpt-oss has YaRN.
            ["rope_scaling"] = null,
            ["attention_bias"] = Bias,
            ["tie_word_embeddings"] = Tied,
        };
        switch (ModelType)
        {
            case "llama":
                config["mlp_bias"] = Bias;
                break;
            case "mistral":
                config["sliding_window"] = Window;
                break;
            case "qwen3":
                config["sliding_window"] = Window;
                config["use_sliding_window"] = true;
                config["max_window_layers"] = 1;
                break;
            case "gemma":
                config["hidden_act"] = "gelu";
                break;
            case "gemma2":
                config["hidden_activation"] = "gelu_pytorch_tanh";
                config["sliding_window"] = Window;
                config["query_pre_attn_scalar"] = QueryScalar;
                config["attn_logit_softcapping"] = ScoreSoftcap;
                config["final_logit_softcapping"] = LogitSoftcap;
                break;
            case "gpt_oss":
                config["sliding_window"] = Window;
                config["num_local_experts"] = Experts;
                config["experts_per_token"] = ExpertsPerToken;
                config["swiglu_limit"] = GateLimit;
                break;
            case "deepseek_v2":
                AddDeepSeek(config);
                config["q_lora_rank"] = null;
                config["topk_method"] = "group_limited_greedy";
                config["mlp_bias"] = Bias;
                break;
            case "deepseek_v3":
                AddDeepSeek(config);
                config["q_lora_rank"] = QueryRank;
                config["rope_interleave"] = false;
                break;
        }

        return config;
    }

    private static void AddDeepSeek(JsonObject config)
    {
        config["num_key_value_heads"] = QueryHeads;
        config["kv_lora_rank"] = Rank;
        config["qk_nope_head_dim"] = NopeDim;
        config["qk_rope_head_dim"] = RopeDim;
        config["v_head_dim"] = ValueDim;
        config["n_routed_experts"] = RoutedExperts;
        config["num_experts_per_tok"] = ExpertsPerToken;
        config["n_group"] = Groups;
        config["topk_group"] = GroupsPerToken;
        config["moe_intermediate_size"] = ExpertWidth;
        config["n_shared_experts"] = SharedExperts;
        config["first_k_dense_replace"] = 1;
        config["routed_scaling_factor"] = RoutedScale;
    }

    private Dictionary<string, StoredTensor> CreateTensors()
    {
        var made = new Dictionary<string, StoredTensor>(StringComparer.Ordinal);
        var random = new Random(7);
        Add("model.embed_tokens.weight", Vocabulary, Hidden);
        for (int layer = 0; layer < Layers; layer++)
        {
            string prefix = $"model.layers.{layer}.";
            foreach (string norm in ModelType == "gemma2"
                ? (string[])["input_layernorm", "post_attention_layernorm", "pre_feedforward_layernorm", "post_feedforward_layernorm"]
                : ["input_layernorm", "post_attention_layernorm"])
            {
                Add($"{prefix}{norm}.weight", Hidden);
            }

            if (IsDeepSeek)
            {
                AddDeepSeekLayer(prefix, layer);
                continue;
            }

            AddLinear(prefix + "self_attn.q_proj", QueryHeads * HeadDim, Hidden, Bias);
            AddLinear(prefix + "self_attn.k_proj", KvHeads * HeadDim, Hidden, Bias);
            AddLinear(prefix + "self_attn.v_proj", KvHeads * HeadDim, Hidden, Bias);
            AddLinear(prefix + "self_attn.o_proj", Hidden, QueryHeads * HeadDim, Bias);
            if (ModelType == "qwen3")
            {
                Add(prefix + "self_attn.q_norm.weight", HeadDim);
                Add(prefix + "self_attn.k_norm.weight", HeadDim);
            }

            if (ModelType == "gpt_oss")
            {
                Add(prefix + "self_attn.sinks", QueryHeads);
                AddLinear(prefix + "mlp.router", Experts, Hidden, bias: true);
                Add(prefix + "mlp.experts.gate_up_proj", Experts, Hidden, 2 * Intermediate);
                Add(prefix + "mlp.experts.gate_up_proj_bias", Experts, 2 * Intermediate);
                Add(prefix + "mlp.experts.down_proj", Experts, Intermediate, Hidden);
                Add(prefix + "mlp.experts.down_proj_bias", Experts, Hidden);
                continue;
            }

            AddGated(prefix + "mlp.", Intermediate, Bias && ModelType == "llama");
        }

        Add("model.norm.weight", Hidden);
        if (!Tied)
        {
            Add("lm_head.weight", Vocabulary, Hidden);
        }

        return made;

        void AddDeepSeekLayer(string prefix, int layer)
        {
            string attention = prefix + "self_attn.";
            bool hasQueryRows = ModelType == "deepseek_v3";
            if (hasQueryRows)
            {
                AddLinear(attention + "q_a_proj", QueryRank, Hidden, Bias);
                Add(attention + "q_a_layernorm.weight", QueryRank);
            }

            AddLinear(
                attention + (hasQueryRows ? "q_b_proj" : "q_proj"), QueryHeads * (NopeDim + RopeDim), hasQueryRows
                    ? QueryRank : Hidden, bias: false);
            AddLinear(attention + "kv_a_proj_with_mqa", Rank + RopeDim, Hidden, Bias);
            Add(attention + "kv_a_layernorm.weight", Rank);
            AddLinear(attention + "kv_b_proj", QueryHeads * (NopeDim + ValueDim), Rank, bias: false);
            AddLinear(attention + "o_proj", Hidden, QueryHeads * ValueDim, Bias);
            bool bias = Bias && ModelType == "deepseek_v2";
            if (layer == 0)
            {
                AddGated(prefix + "mlp.", Intermediate, bias);
                return;
            }

            AddLinear(prefix + "mlp.gate", RoutedExperts, Hidden, bias: false);
            if (ModelType == "deepseek_v3")
            {
                Add(prefix + "mlp.gate.e_score_correction_bias", RoutedExperts);
            }

            for (int expert = 0; expert < RoutedExperts; expert++)
            {
                AddGated($"{prefix}mlp.experts.{expert}.", ExpertWidth, bias: false);
            }

            AddGated(prefix + "mlp.shared_experts.", SharedExperts * ExpertWidth, bias);
        }

        void AddGated(string prefix, int width, bool bias)
        {
            AddLinear(prefix + "gate_proj", width, Hidden, bias);
            AddLinear(prefix + "up_proj", width, Hidden, bias);
            AddLinear(prefix + "down_proj", Hidden, width, bias);
        }

        void AddLinear(string name, int rows, int columns, bool bias)
        {
            Add(name + ".weight", rows, columns);
            if (bias)
            {
                Add(name + ".bias", rows);
            }
        }

        void Add(string name, params int[] shape)
        {
            float[] values = [.. Enumerable.Range(0, shape.Aggregate((a, b) => a * b)).Select(_ => (float)((random.NextDouble() * 2) - 1))];
            made.Add(name, new StoredTensor(shape, StoredTensors.Round(values, Type)));
        }
    }
}
