using System.Text.Json.Nodes;
using Xunit;

namespace Kernels.Decoding.Tests;

/// <summary>What each architecture takes from its configuration, in the spellings that files have had over the years.</summary>
public sealed class ArchitectureConfigTests
{
    private static readonly RopeConfig Rope16 = new() { RotaryDim = 16, Theta = 10000 };

    [Fact]
    public void ReadsGpt2()
    {
        ModelConfig config = Load("gpt2-mha");
        Assert.Equal(
            (64, 256, 256, Activation.GeluTanh, true),
            (config.HiddenSize, config.IntermediateSize, config.MaxPositions, config.Activation, config.TiedEmbeddings));
        var layer = new LayerConfig(new AttentionGeometry(4, 4, 16), Rope: null);
        Assert.Equal([layer, layer], config.Layers.ToArray());

        config = Load("gpt2-mha", json =>
        {
            json["n_inner"] = 100;
            json["activation_function"] = "gelu";
            json["scale_attn_by_inverse_layer_idx"] = true;
            json["tie_word_embeddings"] = false;
        });
        Assert.Equal((100, Activation.Gelu, false), (config.IntermediateSize, config.Activation, config.TiedEmbeddings));
        Assert.Equal([0.25, 0.125], config.Layers.Select(l => l.Attention.Scale));
        Assert.Equal(1, Load("gpt2-mha", json => json["scale_attn_weights"] = false).Layers[1].Attention.Scale);
    }

    [Fact]
    public void ReadsGemma()
    {
        ModelConfig config = Load("gemma-mqa");
        Assert.Equal((Activation.GeluTanh, true), (config.Activation, config.TiedEmbeddings));
        Assert.Equal(new LayerConfig(new AttentionGeometry(4, 1, 32), new RopeConfig { RotaryDim = 32, Theta = 10000 }), config.Layers[0]);

        // The first files said "gelu" and meant the approximation; those that say what they mean are taken by their word.
        Assert.Equal(Activation.GeluTanh, Load("gemma-mqa", json => json["hidden_act"] = "gelu").Activation);
        Assert.Equal(Activation.GeluTanh, Load("gemma-mqa", json => json.Remove("hidden_act")).Activation);
        Assert.Equal(Activation.Gelu, Load("gemma-mqa", json => json["hidden_activation"] = "gelu").Activation);
    }

    [Fact]
    public void ReadsMistral()
    {
        AttentionGeometry heads = new(4, 2, 16);
        Assert.Equal(
            [heads with { WindowLeft = 15 }, heads with { WindowLeft = 15 }], Load("mistral-window").Layers.Select(l => l.Attention));
        Assert.Equal([heads, heads], Load("mistral-window", json => json["sliding_window"] = null).Layers.Select(l => l.Attention));
    }

    [Fact]
    public void ReadsGemma2()
    {
        ModelConfig config = Load("gemma2-softcap-window");
        AttentionGeometry full = new(4, 2, 16) { Softcap = 5 };
        AttentionGeometry windowed = full with { WindowLeft = 15 };
        Assert.Equal([windowed, full, windowed, full], config.Layers.Select(l => l.Attention));
        Assert.Equal(30, config.LogitSoftcap);

        config = Load("gemma2-softcap-window", json =>
        {
            json.Remove("layer_types");
            json.Remove("final_logit_softcapping");
            json["attn_logit_softcapping"] = null;
            json["query_pre_attn_scalar"] = 144;
        });
        full = new AttentionGeometry(4, 2, 16) { Scale = 1.0 / 12 };
        Assert.Equal([full with { WindowLeft = 15 }, full, full with { WindowLeft = 15 }, full], config.Layers.Select(l => l.Attention));
        Assert.Equal(30, config.LogitSoftcap);
        Assert.Equal(0, Load("gemma2-softcap-window", json => json["final_logit_softcapping"] = null).LogitSoftcap);
    }

    [Fact]
    public void ReadsAPatternOfWindows()
    {
        ModelConfig config = Load("gemma2-softcap-window", json =>
        {
            json.Remove("layer_types");
            json["sliding_window_pattern"] = 3;
        });
        Assert.Equal([15, 15, -1, 15], config.Layers.Select(l => l.Attention.WindowLeft));
    }

    [Fact]
    public void ReadsARopeForEachTypeOfLayer()
    {
        ModelConfig config = Load("gemma2-softcap-window", json => json["rope_parameters"] = JsonNode.Parse(
            """{"sliding_attention": {"rope_type": "default", "rope_theta": 500.0}, "full_attention": {"rope_type": "linear", "factor": 4.0, "rope_theta": 10000.0}}"""));

        RopeConfig full = Rope16 with { Scaling = RopeScaling.Linear, Factor = 4 };
        Assert.Equal([Rope16 with { Theta = 500 }, full, Rope16 with { Theta = 500 }, full], config.Layers.Select(l => l.Rope));
        Assert.Equal(512, config.ContextLimit);
    }

    [Fact]
    public void ReadsBloomInOldAndNewSpellings()
    {
        ModelConfig config = Load("bloom-alibi");
        var layer = new LayerConfig(new AttentionGeometry(4, 4, 16) { Alibi = true }, Rope: null);
        Assert.Equal([layer, layer], config.Layers.ToArray());
        Assert.Equal(
            (64, 256, int.MaxValue, Activation.GeluTanh),
            (config.HiddenSize, config.IntermediateSize, config.ContextLimit, config.Activation));

        config = Load("bloom-alibi", json =>
        {
            (json["n_embed"], json["num_attention_heads"], json["num_hidden_layers"]) = (96, 6, 1);
            json.Remove("hidden_size");
            json.Remove("n_head");
            json.Remove("n_layer");
        });
        Assert.Equal(96, config.HiddenSize);
        Assert.Equal(new AttentionGeometry(6, 6, 16) { Alibi = true }, Assert.Single(config.Layers).Attention);
    }

    [Fact]
    public void ReadsQwen3()
    {
        AttentionGeometry heads = new(4, 2, 32);
        Assert.Equal([heads, heads], Load("qwen3-qknorm").Layers.Select(l => l.Attention));

        ModelConfig config = Load("qwen3-qknorm", json =>
        {
            json.Remove("layer_types");
            (json["use_sliding_window"], json["sliding_window"], json["max_window_layers"], json["attention_bias"]) = (true, 8, 1, true);
        });
        Assert.Equal([heads, heads with { WindowLeft = 7 }], config.Layers.Select(l => l.Attention));
        Assert.True(config.AttentionBias);
    }

    [Fact]
    public void ReadsGptOssAsItWasPublished()
    {
        ModelConfig config = Load("gpt-oss-sinks-moe", json =>
        {
            json.Remove("rope_parameters");
            json.Remove("layer_types");
            json.Remove("attention_bias");
            json.Remove("num_experts_per_tok");
            (json["experts_per_token"], json["swiglu_limit"], json["rope_theta"], json["max_position_embeddings"]) =
                (3, 5.0, 150000, 131072);
            json["rope_scaling"] = JsonNode.Parse(
                """{"rope_type": "yarn", "factor": 32.0, "original_max_position_embeddings": 4096, "beta_fast": 32.0, "beta_slow": 1.0, "truncate": false}""");
        });

        Assert.Equal(new ExpertsConfig(4, 3) { Width = 64, GateLimit = 5 }, config.Experts);
        Assert.True(config.AttentionBias);
        Assert.Equal(131072, config.ContextLimit);
        AttentionGeometry full = new(4, 2, 16) { Sinks = true };
        Assert.Equal([full with { WindowLeft = 15 }, full], config.Layers.Select(l => l.Attention));
        Assert.Equal(
            Rope16 with
            {
                Theta = 150000,
                Scaling = RopeScaling.Yarn,
                Factor = 32,
                OriginalPositions = 4096,
                TruncateBounds = false,
                AttentionFactor = (0.1 * Math.Log(32)) + 1,
            },
            config.Layers[0].Rope);
        Assert.Equal(new ExpertsConfig(4, 2) { Width = 64, GateLimit = 7 }, Load("gpt-oss-sinks-moe").Experts);
    }

    [Fact]
    public void ReadsDeepSeekV2()
    {
        ModelConfig config = Load("deepseek-v2-mla");
        LatentConfig latent = new(4, 32, 32, 16, 32) { QueryRank = 48, Scale = 1 / Math.Sqrt(48), Rope = RopeStyle.Interleaved };
        Assert.Equal(latent, config.Latent);
        Assert.Equal([new LayerConfig(latent.Absorbed, Rope16), new LayerConfig(latent.Absorbed, Rope16)], config.Layers.ToArray());
        Assert.Equal(
            new AttentionGeometry(4, 1, 48)
            {
                ValueDim = 32,
                LatentCache = true,
                Scale = latent.Scale,
                Rope = RopeStyle.Interleaved,
                RotaryDim = 16,
            }, latent.Absorbed);
        Assert.Equal(
            new AttentionGeometry(4, 4, 48)
            {
                ValueDim = 32,
                Scale = latent.Scale,
                Rope = RopeStyle.Interleaved,
                RotaryDim = 16,
            }, latent.Expanded);
        Assert.Equal(new RoutingConfig { Normalize = false }, config.Experts!.Routing);
        Assert.Equal([false, false], Enumerable.Range(0, 2).Select(config.Experts.Serve));
    }

    /// <summary>The keys and values of the published models.</summary>
    [Fact]
    public void ReadsDeepSeekV2AsItWasPublished()
    {
        ModelConfig config = Load("deepseek-v2-mla", json =>
        {
            json.Remove("rope_parameters");
            json.Remove("head_dim");
            json["rope_theta"] = 10000;
            json["max_position_embeddings"] = 163840;
            json["rope_scaling"] = JsonNode.Parse(
                """{"beta_fast": 32, "beta_slow": 1, "factor": 40, "mscale": 0.707, "mscale_all_dim": 0.707, "original_max_position_embeddings": 4096, "type": "yarn"}""");
            (json["q_lora_rank"], json["n_routed_experts"], json["n_shared_experts"], json["num_experts_per_tok"]) = (null, 160, 2, 6);
            (json["topk_method"], json["n_group"], json["topk_group"], json["routed_scaling_factor"]) =
                ("group_limited_greedy", 8, 3, 16.0);
            (json["scoring_func"], json["moe_layer_freq"], json["first_k_dense_replace"]) = ("softmax", 1, 1);
        });

        double magnitude = (0.1 * 0.707 * Math.Log(40)) + 1;
        Assert.Null(config.Latent!.QueryRank);
        Assert.Equal(magnitude * magnitude / Math.Sqrt(48), config.Latent.Scale, precision: 15);
        Assert.Equal(
            Rope16 with { Scaling = RopeScaling.Yarn, Factor = 40, OriginalPositions = 4096, MscaleAllDim = 0.707 }, config.Layers[0].Rope);
        Assert.Equal(163840, config.ContextLimit);
        Assert.Equal(
            new ExpertsConfig(160, 6)
            {
                Width = 64,
                SharedWidth = 128,
                FirstLayer = 1,
                Routing = new RoutingConfig { Groups = 8, GroupsPerToken = 3, Normalize = false, Scale = 16 },
            },
            config.Experts);

        // Without groups these say nothing; weights that are divided by their sum have no factor.
        config = Load(
            "deepseek-v2-mla", json => (json["n_group"], json["topk_group"], json["routed_scaling_factor"], json["norm_topk_prob"]) =
                (2, 1, 16.0, true));
        Assert.Equal(new RoutingConfig(), config.Experts!.Routing);
        Assert.Null(Load("deepseek-v2-mla", json => json["n_routed_experts"] = null).Experts);
    }

    [Fact]
    public void ReadsDeepSeekV3()
    {
        ModelConfig config = Load("deepseek-v3-mla-moe");
        Assert.Equal(
            new ExpertsConfig(4, 2)
            {
                Width = 64,
                SharedWidth = 64,
                FirstLayer = 1,
                Routing = new RoutingConfig { Score = ExpertScore.BiasedSigmoid, Scale = 2.5 },
            },
            config.Experts);
        Assert.Equal([false, true], Enumerable.Range(0, 2).Select(config.Experts!.Serve));

        config = Load("deepseek-v3-mla-moe", json =>
        {
            (json["rope_interleave"], json["scoring_func"], json["topk_method"], json["moe_layer_freq"]) =
                (false, "sigmoid", "noaux_tc", 2);
            (json["n_routed_experts"], json["n_group"], json["topk_group"], json["norm_topk_prob"], json["n_shared_experts"]) =
                (256, 8, 4, false, null);
            json.Remove("routed_scaling_factor");
        });
        Assert.Equal(RopeStyle.HalfSplit, config.Latent!.Rope);
        Assert.Equal(
            new RoutingConfig
            {
                Score = ExpertScore.BiasedSigmoid,
                Groups = 8,
                GroupsPerToken = 4,
                Normalize = false,
                Scale = 2.5,
            }, config.Experts!.Routing);
        Assert.Equal((0, false, true), (config.Experts.SharedWidth, config.Experts.Serve(1), config.Experts.Serve(2)));

        double magnitude = (0.1 * Math.Log(4)) + 1;
        config = Load("deepseek-v3-mla-yarn");
        Assert.Equal(magnitude * magnitude / Math.Sqrt(48), config.Latent!.Scale, precision: 15);
        Assert.Equal((1.0, 256), (config.Layers[0].Rope!.AttentionFactor, config.ContextLimit));
    }

    [Theory]
    [InlineData(
        "deepseek-v2-mla", "topk_method", "\"noaux_tc\"",
        "'topk_method' is \"noaux_tc\", which is not supported; supported: greedy, group_limited_greedy")]
    [InlineData(
        "deepseek-v2-mla", "scoring_func", "\"sigmoid\"", "'scoring_func' is \"sigmoid\", which is not supported; supported: softmax")]
    [InlineData(
        "deepseek-v3-mla", "scoring_func", "\"softmax\"", "'scoring_func' is \"softmax\", which is not supported; supported: sigmoid")]
    [InlineData("deepseek-v3-mla", "topk_method", "\"greedy\"", "'topk_method' is \"greedy\", which is not supported; supported: noaux_tc")]
    [InlineData(
        "deepseek-v3-mla", "num_key_value_heads", "2",
        "'num_key_value_heads' is 2, which is not supported; supported: num_attention_heads, 4")]
    [InlineData("deepseek-v3-mla", "kv_lora_rank", "null", "has no key 'kv_lora_rank'")]
    [InlineData(
        "deepseek-v3-mla", "n_group", "3",
        "'n_group' is 3, which is not supported; supported: up to 64 groups of as many of 4 experts each, two or more")]
    [InlineData("deepseek-v3-mla", "n_group", "4", "'n_group' is 4, which is not supported")]
    [InlineData("deepseek-v3-mla", "topk_group", "2", "'topk_group' is 2, which is not supported; supported: at most n_group, 1")]
    [InlineData(
        "deepseek-v3-mla", "num_experts_per_tok", "5",
        "'num_experts_per_tok' is 5, which is not supported; supported: at most the 4 experts")]
    [InlineData("deepseek-v3-mla", "quantization_config", "{\"quant_method\": \"fp8\"}", "without 'weight_block_size'")]
    [InlineData("gpt2-mha", "add_cross_attention", "true", "'add_cross_attention' is true, which is not supported; supported: false")]
    [InlineData("gpt2-mha", "n_head", "5", "'n_head' is 5, which is not supported; supported: a divisor of n_embd, 64")]
    [InlineData(
        "gpt2-mha", "activation_function", "\"relu\"", "'activation_function' is \"relu\", which is not supported; supported: silu, ")]
    [InlineData("gpt2-mha", "n_positions", "null", "has no key 'n_positions'")]
    [InlineData(
        "bloom-alibi", "apply_residual_connection_post_layernorm", "true",
        "'apply_residual_connection_post_layernorm' is true, which is not supported")]
    [InlineData("bloom-alibi", "n_head", "5", "'n_head' is 5, which is not supported; supported: a divisor of the hidden size, 64")]
    [InlineData("bloom-alibi", "hidden_size", "null", "has no key 'hidden_size'")]
    [InlineData("gemma-mqa", "use_bidirectional_attention", "true", "'use_bidirectional_attention' is true, which is not supported")]
    [InlineData(
        "gemma2-softcap-window", "layer_types", "[\"full_attention\"]",
        "supported: full_attention or sliding_attention for each of 4 layers")]
    [InlineData("gemma2-softcap-window", "layer_types", "\"full_attention\"", "'layer_types' is \"full_attention\", not a list of strings")]
    [InlineData(
        "qwen3-qknorm", "layer_types", "[\"full_attention\", \"chunked_attention\"]",
        "'layer_types' is [\"full_attention\",\"chunked_attention\"], which is not supported")]
    [InlineData("gemma2-softcap-window", "sliding_window", "null", "has no key 'sliding_window'")]
    [InlineData("gemma2-softcap-window", "attn_logit_softcapping", "-1", "'attn_logit_softcapping' is -1, not a positive number")]
    [InlineData("gemma2-softcap-window", "rope_parameters", "{\"full_attention\": {}}", "has no key 'rope_parameters.sliding_attention'")]
    [InlineData(
        "gpt-oss-sinks-moe", "num_experts_per_tok", "5",
        "'num_experts_per_tok' is 5, which is not supported; supported: at most num_local_experts, 4")]
    [InlineData("gpt-oss-sinks-moe", "hidden_act", "\"gelu\"", "'hidden_act' is \"gelu\", which is not supported; supported: silu")]
    [InlineData("gpt-oss-sinks-moe", "quantization_config", "{\"quant_method\": \"quark\"}", "quantised by 'quark'")]
    public void NamesAValueThatIsNotSupported(string checkpoint, string key, string value, string message)
    {
        var error = Assert.Throws<CheckpointException>(() => Load(checkpoint, json => json[key] = JsonNode.Parse(value)));

        Assert.Contains(message, error.Message, StringComparison.Ordinal);
    }

    private static ModelConfig Load(string checkpoint, Action<JsonObject>? change = null)
    {
        JsonObject json = JsonNode.Parse(File.ReadAllText(Path.Combine(TestData.Folder(checkpoint), "config.json")))!.AsObject();
        change?.Invoke(json);
        using var folder = new TemporaryFolder();
        folder.Write("config.json", json.ToJsonString());
        return ModelConfig.Load(folder.Path);
    }
}
