using Xunit;

namespace Kernels.Decoding.Tests;

/// <summary>Configurations as models were published with them: contexts, heads, windows and ropes are those of the models' cards.</summary>
public sealed class PublishedConfigTests
{
    [Fact]
    public void Llama31()
    {
        ModelConfig config = Load("""
            {"architectures": ["LlamaForCausalLM"], "attention_bias": false, "attention_dropout": 0.0, "bos_token_id": 128000, "eos_token_id": 128001,
             "hidden_act": "silu", "hidden_size": 4096, "initializer_range": 0.02, "intermediate_size": 14336, "max_position_embeddings": 131072,
             "mlp_bias": false, "model_type": "llama", "num_attention_heads": 32, "num_hidden_layers": 32, "num_key_value_heads": 8,
             "pretraining_tp": 1, "rms_norm_eps": 1e-05, "rope_scaling": {"factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
             "original_max_position_embeddings": 8192, "rope_type": "llama3"}, "rope_theta": 500000.0, "tie_word_embeddings": false,
             "torch_dtype": "bfloat16", "transformers_version": "4.43.0.dev0", "use_cache": true, "vocab_size": 128256}
            """);
        AssertShape(config, 131072, layers: 32, new AttentionGeometry(32, 8, 128));
        Assert.Equal(
            new RopeConfig
            {
                RotaryDim = 128, Theta = 500000, Scaling = RopeScaling.Llama3, Factor = 8, OriginalPositions = 8192, LowFrequencyFactor = 1,
                    HighFrequencyFactor = 4,
            },
            config.Layers[0].Rope);
    }

    [Theory]
    [InlineData("null", 32768)]
    [InlineData("""{"factor": 4.0, "original_max_position_embeddings": 32768, "type": "yarn"}""", 131072)]
    public void Qwen25(string scaling, int context)
    {
        ModelConfig config = Load($$"""
            {"architectures": ["Qwen2ForCausalLM"], "attention_dropout": 0.0, "bos_token_id": 151643, "eos_token_id": 151645, "hidden_act": "silu",
             "hidden_size": 3584, "initializer_range": 0.02, "intermediate_size": 18944, "max_position_embeddings": 32768, "max_window_layers": 28,
             "model_type": "qwen2", "num_attention_heads": 28, "num_hidden_layers": 28, "num_key_value_heads": 4, "rms_norm_eps": 1e-06,
             "rope_scaling": {{scaling}}, "rope_theta": 1000000.0, "sliding_window": 131072, "tie_word_embeddings": false, "torch_dtype": "bfloat16",
             "use_cache": true, "use_sliding_window": false, "vocab_size": 152064}
            """);
        AssertShape(config, context, layers: 28, new AttentionGeometry(28, 4, 128));
        Assert.True(config.AttentionBias);
        Assert.Equal(1e6, config.Layers[0].Rope!.Theta);
        Assert.Equal(context > 32768 ? (0.1 * Math.Log(4)) + 1 : 1, config.Layers[0].Rope!.AttentionFactor, 12);
    }

    /// <summary>Qwen-3 has positions for an answer beside those that YaRN stretches.</summary>
    [Theory]
    [InlineData("null", 40960)]
    [InlineData("""{"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32768}""", 131072)]
    public void Qwen3Moe(string scaling, int context)
    {
        ModelConfig config = Load($$"""
            {"architectures": ["Qwen3MoeForCausalLM"], "attention_bias": false, "attention_dropout": 0.0, "bos_token_id": 151643,
             "decoder_sparse_step": 1, "eos_token_id": 151645, "head_dim": 128, "hidden_act": "silu", "hidden_size": 2048, "initializer_range": 0.02,
             "intermediate_size": 6144, "max_position_embeddings": 40960, "max_window_layers": 48, "mlp_only_layers": [], "model_type": "qwen3_moe",
             "moe_intermediate_size": 768, "norm_topk_prob": true, "num_attention_heads": 32, "num_experts": 128, "num_experts_per_tok": 8,
             "num_hidden_layers": 48, "num_key_value_heads": 4, "output_router_logits": false, "rms_norm_eps": 1e-06, "rope_scaling": {{scaling}},
             "rope_theta": 1000000.0, "router_aux_loss_coef": 0.001, "sliding_window": null, "tie_word_embeddings": false, "torch_dtype": "bfloat16",
             "use_cache": true, "use_sliding_window": false, "vocab_size": 151936}
            """);
        AssertShape(config, context, layers: 48, new AttentionGeometry(32, 4, 128));
        Assert.Equal(new ExpertsConfig(128, 8) { Width = 768, EndsPeriod = true, Routing = new RoutingConfig() }, config.Experts);
        Assert.All(Enumerable.Range(0, 48), layer => Assert.True(config.Experts!.Serve(layer)));
    }

    [Theory]
    [InlineData("longrope")]
    [InlineData("su")]
    public void Phi3Mini128K(string type)
    {
        ModelConfig config = Load($$"""
            {"architectures": ["Phi3ForCausalLM"], "attention_dropout": 0.0, "bos_token_id": 1, "embd_pdrop": 0.0, "eos_token_id": 32000,
             "hidden_act": "silu", "hidden_size": 3072, "initializer_range": 0.02, "intermediate_size": 8192, "max_position_embeddings": 131072,
             "model_type": "phi3", "num_attention_heads": 32, "num_hidden_layers": 32, "num_key_value_heads": 32,
             "original_max_position_embeddings": 4096, "pad_token_id": 32000, "resid_pdrop": 0.0, "rms_norm_eps": 1e-05,
             "rope_scaling": {"long_factor": [{{Factors(48, 1.3)}}], "short_factor": [{{Factors(48, 0.05)}}], "type": "{{type}}"},
             "rope_theta": 10000.0, "sliding_window": 262144, "tie_word_embeddings": false, "torch_dtype": "bfloat16", "use_cache": true,
             "attention_bias": false, "vocab_size": 32064}
            """);
        AssertShape(config, 131072, layers: 32, new AttentionGeometry(32, 32, 96) { WindowLeft = 262143 });

        // The number that the model's own code has.
        RopeConfig rope = config.Layers[0].Rope!;
        Assert.Equal(1.1902380714238083, rope.AttentionFactor, 12);
        Assert.Equal((4096, 48, 48), (rope.OriginalPositions, rope.ShortFactors!.Count, rope.LongFactors!.Count));
        Assert.Equal(rope, config.Layers[31].Rope);

        double[] plain = RotaryTable.Frequencies(new RopeConfig { RotaryDim = 96, Theta = 10000 });
        Assert.Equal(plain.Select((f, i) => f / (1 + (0.05 * i))), RotaryTable.Frequencies(rope));
        Assert.Equal(plain.Select((f, i) => f / (1 + (1.3 * i))), RotaryTable.Frequencies(rope, isLong: true));
    }

    [Fact]
    public void Phi4Mini()
    {
        ModelConfig config = Load($$"""
            {"architectures": ["Phi3ForCausalLM"], "attention_bias": false, "hidden_act": "silu", "hidden_size": 3072, "intermediate_size": 8192,
             "max_position_embeddings": 131072, "model_type": "phi3", "num_attention_heads": 24, "num_hidden_layers": 32, "num_key_value_heads": 8,
             "original_max_position_embeddings": 4096, "partial_rotary_factor": 0.75, "rms_norm_eps": 1e-05,
             "rope_scaling": {"long_factor": [{{Factors(48, 1)}}], "short_factor": [{{Factors(48, 0)}}], "type": "longrope"},
             "rope_theta": 10000.0, "sliding_window": 262144, "tie_word_embeddings": true, "torch_dtype": "bfloat16", "vocab_size": 200064}
            """);
        AssertShape(config, 131072, layers: 32, new AttentionGeometry(24, 8, 128) { WindowLeft = 262143 });
        Assert.Equal((96, true), (config.Layers[0].Rope!.RotaryDim, config.TiedEmbeddings));

        config = Load("""
            {"architectures": ["Phi3ForCausalLM"], "hidden_act": "silu", "hidden_size": 5120, "intermediate_size": 17920, "max_position_embeddings": 16384,
             "model_type": "phi3", "num_attention_heads": 40, "num_hidden_layers": 40, "num_key_value_heads": 10,
             "original_max_position_embeddings": 16384, "rms_norm_eps": 1e-05, "rope_scaling": null, "rope_theta": 250000, "sliding_window": null,
             "tie_word_embeddings": false, "vocab_size": 100352}
            """);
        AssertShape(config, 16384, layers: 40, new AttentionGeometry(40, 10, 128));
        Assert.Equal(new RopeConfig { RotaryDim = 128, Theta = 250000 }, config.Layers[0].Rope);
    }

    [Fact]
    public void DeepSeekCoderIsStretchedAlready()
    {
        ModelConfig config = Load("""
            {"architectures": ["LlamaForCausalLM"], "bos_token_id": 32013, "eos_token_id": 32014, "hidden_act": "silu", "hidden_size": 4096,
             "initializer_range": 0.02, "intermediate_size": 11008, "max_position_embeddings": 16384, "model_type": "llama",
             "num_attention_heads": 32, "num_hidden_layers": 32, "num_key_value_heads": 32, "pretraining_tp": 1, "rms_norm_eps": 1e-06,
             "rope_scaling": {"factor": 4.0, "type": "linear"}, "rope_theta": 100000, "tie_word_embeddings": false, "torch_dtype": "bfloat16",
             "use_cache": true, "vocab_size": 32256}
            """);
        AssertShape(config, 16384, layers: 32, new AttentionGeometry(32, 32, 128));
        Assert.Equal(new RopeConfig { RotaryDim = 128, Theta = 100000, Scaling = RopeScaling.Linear, Factor = 4 }, config.Layers[0].Rope);
    }

    /// <summary>The other way round: positions before stretching, and those after it in a key of their own.</summary>
    [Fact]
    public void Vicuna16K() => AssertShape(
        Load("""
            {"architectures": ["LlamaForCausalLM"], "hidden_act": "silu", "hidden_size": 4096, "intermediate_size": 11008,
             "max_position_embeddings": 4096, "max_sequence_length": 16384, "model_type": "llama", "num_attention_heads": 32,
             "num_hidden_layers": 32, "num_key_value_heads": 32, "pad_token_id": 0, "pretraining_tp": 1, "rms_norm_eps": 1e-05,
             "rope_scaling": {"factor": 4.0, "type": "linear"}, "tie_word_embeddings": false, "torch_dtype": "float16", "vocab_size": 32000}
            """),
        16384, layers: 32, new AttentionGeometry(32, 32, 128));

    /// <summary>As published but for <c>quantization_config</c>.</summary>
    [Fact]
    public void DeepSeekV3()
    {
        ModelConfig config = Load("""
            {"architectures": ["DeepseekV3ForCausalLM"], "attention_bias": false, "attention_dropout": 0.0, "bos_token_id": 0, "eos_token_id": 1,
             "ep_size": 1, "first_k_dense_replace": 3, "hidden_act": "silu", "hidden_size": 7168, "initializer_range": 0.02,
             "intermediate_size": 18432, "kv_lora_rank": 512, "max_position_embeddings": 163840, "model_type": "deepseek_v3",
             "moe_intermediate_size": 2048, "moe_layer_freq": 1, "n_group": 8, "n_routed_experts": 256, "n_shared_experts": 1,
             "norm_topk_prob": true, "num_attention_heads": 128, "num_experts_per_tok": 8, "num_hidden_layers": 61, "num_key_value_heads": 128,
             "num_nextn_predict_layers": 1, "q_lora_rank": 1536, "qk_nope_head_dim": 128, "qk_rope_head_dim": 64, "rms_norm_eps": 1e-06,
             "rope_scaling": {"beta_fast": 32, "beta_slow": 1, "factor": 40, "mscale": 1.0, "mscale_all_dim": 1.0,
             "original_max_position_embeddings": 4096, "type": "yarn"}, "rope_theta": 10000, "routed_scaling_factor": 2.5,
             "scoring_func": "sigmoid", "tie_word_embeddings": false, "topk_group": 4, "topk_method": "noaux_tc", "torch_dtype": "bfloat16",
             "use_cache": true, "v_head_dim": 128, "vocab_size": 129280}
            """);
        Assert.Equal((163840, 61), (config.ContextLimit, config.Layers.Length));
        double magnitude = (0.1 * Math.Log(40)) + 1;
        Assert.Equal(
            (128, 512, 128, 64, 128),
            (config.Latent!.Heads, config.Latent.Rank, config.Latent.NopeDim, config.Latent.RopeDim, config.Latent.ValueDim));
        Assert.Equal(magnitude * magnitude / Math.Sqrt(192), config.Latent.Scale, 12);
        Assert.Equal(1, config.Layers[0].Rope!.AttentionFactor);
        Assert.Equal([false, false, false, true], Enumerable.Range(0, 4).Select(config.Experts!.Serve));
    }

    /// <summary>Most of the text model is defaults.</summary>
    [Fact]
    public void Gemma3With4BillionParameters()
    {
        ModelConfig config = Load("""
            {"architectures": ["Gemma3ForConditionalGeneration"], "boi_token_index": 255999, "eoi_token_index": 256000, "eos_token_id": [1, 106],
             "image_token_index": 262144, "initializer_range": 0.02, "mm_tokens_per_image": 256, "model_type": "gemma3",
             "text_config": {"hidden_size": 2560, "intermediate_size": 10240, "model_type": "gemma3_text", "num_hidden_layers": 34,
             "rope_scaling": {"factor": 8.0, "rope_type": "linear"}, "sliding_window": 1024}, "torch_dtype": "bfloat16",
             "transformers_version": "4.50.0.dev0", "vision_config": {"hidden_size": 1152, "image_size": 896, "intermediate_size": 4304,
             "model_type": "siglip_vision_model", "num_attention_heads": 16, "num_hidden_layers": 27, "patch_size": 14, "vision_use_head": false}}
            """);
        Assert.Equal(
            ("gemma3", 131072, 262208, 34, true),
            (config.ModelType, config.ContextLimit, config.VocabularySize, config.Layers.Length, config.TiedEmbeddings));
        Assert.Equal([1, 106], config.EosTokenIds.ToArray());
        Assert.Equal((Activation.GeluTanh, ElementType.BFloat16, 0.0), (config.Activation, config.WeightType, config.LogitSoftcap));
        var full = new LayerConfig(
            new AttentionGeometry(8, 4, 256)
            {
                Scale = 1.0 / 16,
            }, new RopeConfig { RotaryDim = 256, Theta = 1e6, Scaling = RopeScaling.Linear, Factor = 8 });
        var windowed = new LayerConfig(full.Attention with { WindowLeft = 1023 }, new RopeConfig { RotaryDim = 256, Theta = 1e4 });
        Assert.Equal(Enumerable.Range(0, 34).Select(layer => layer % 6 == 5 ? full : windowed), config.Layers);
    }

    [Fact]
    public void Gemma3With1BillionParameters()
    {
        ModelConfig config = Load("""
            {"architectures": ["Gemma3ForCausalLM"], "attention_bias": false, "attention_dropout": 0.0, "attn_logit_softcapping": null,
             "bos_token_id": 2, "cache_implementation": "hybrid", "eos_token_id": [1, 106], "final_logit_softcapping": null, "head_dim": 256,
             "hidden_activation": "gelu_pytorch_tanh", "hidden_size": 1152, "initializer_range": 0.02, "intermediate_size": 6912,
             "max_position_embeddings": 32768, "model_type": "gemma3_text", "num_attention_heads": 4, "num_hidden_layers": 26,
             "num_key_value_heads": 1, "pad_token_id": 0, "query_pre_attn_scalar": 256, "rms_norm_eps": 1e-06, "rope_local_base_freq": 10000,
             "rope_scaling": null, "rope_theta": 1000000, "sliding_window": 512, "sliding_window_pattern": 6, "torch_dtype": "bfloat16",
             "use_cache": true, "vocab_size": 262144}
            """);
        Assert.Equal(32768, config.ContextLimit);
        AttentionGeometry full = new AttentionGeometry(4, 1, 256);
        Assert.Equal(
            [full with { WindowLeft = 511 }, full, full with { WindowLeft = 511 }], config.Layers.Select(l => l.Attention).Skip(4).Take(3));
        Assert.Equal([1e4, 1e6, 1e4], config.Layers.Select(l => l.Rope!.Theta).Skip(4).Take(3));
    }

    /// <summary>An explicit null turns the window off; without the key it is the default.</summary>
    [Theory]
    [InlineData("\"sliding_window\": 4096, \"rope_theta\": 10000.0, \"vocab_size\": 32000,", 4095, 10000)]
    [InlineData("\"sliding_window\": null, \"rope_theta\": 1000000.0, \"vocab_size\": 32768,", -1, 1000000)]
    [InlineData("", 4095, 10000)]
    public void Mistral(string keys, int window, double theta)
    {
        ModelConfig config = Load($$"""
            {"architectures": ["MistralForCausalLM"], "bos_token_id": 1, "eos_token_id": 2, "hidden_act": "silu", "hidden_size": 4096,
             "initializer_range": 0.02, "intermediate_size": 14336, "max_position_embeddings": 32768, "model_type": "mistral", {{keys}}
             "num_attention_heads": 32, "num_hidden_layers": 32, "num_key_value_heads": 8, "rms_norm_eps": 1e-05, "tie_word_embeddings": false,
             "torch_dtype": "bfloat16", "use_cache": true}
            """);
        AssertShape(config, 32768, layers: 32, new AttentionGeometry(32, 8, 128) { WindowLeft = window });
        Assert.Equal(theta, config.Layers[0].Rope!.Theta);
    }

    /// <summary>Heads of 128, though 32 of them are less than the residual stream.</summary>
    [Fact]
    public void MistralNemo() => AssertShape(
        Load("""
            {"architectures": ["MistralForCausalLM"], "attention_dropout": 0.0, "bos_token_id": 1, "eos_token_id": 2, "head_dim": 128,
             "hidden_act": "silu", "hidden_size": 5120, "initializer_range": 0.02, "intermediate_size": 14336, "max_position_embeddings": 131072,
             "model_type": "mistral", "num_attention_heads": 32, "num_hidden_layers": 40, "num_key_value_heads": 8, "rms_norm_eps": 1e-05,
             "rope_theta": 1000000.0, "sliding_window": null, "tie_word_embeddings": false, "torch_dtype": "bfloat16", "vocab_size": 131072}
            """),
        131072, layers: 40, new AttentionGeometry(32, 8, 128));

    [Fact]
    public void Mixtral()
    {
        ModelConfig config = Load("""
            {"architectures": ["MixtralForCausalLM"], "attention_dropout": 0.0, "bos_token_id": 1, "eos_token_id": 2, "hidden_act": "silu",
             "hidden_size": 4096, "initializer_range": 0.02, "intermediate_size": 14336, "max_position_embeddings": 32768, "model_type": "mixtral",
             "num_attention_heads": 32, "num_experts_per_tok": 2, "num_hidden_layers": 32, "num_key_value_heads": 8, "num_local_experts": 8,
             "output_router_logits": false, "rms_norm_eps": 1e-05, "rope_theta": 1000000.0, "router_aux_loss_coef": 0.02,
             "sliding_window": null, "tie_word_embeddings": false, "torch_dtype": "bfloat16", "use_cache": true, "vocab_size": 32000}
            """);
        AssertShape(config, 32768, layers: 32, new AttentionGeometry(32, 8, 128));
        Assert.Equal(new ExpertsConfig(8, 2) { Width = 14336 }, config.Experts);
        Assert.Equal(1e6, config.Layers[0].Rope!.Theta);
    }

    /// <summary>As published but for <c>quantization_config</c>.</summary>
    [Fact]
    public void GptOss()
    {
        ModelConfig config = Load("""
            {"architectures": ["GptOssForCausalLM"], "attention_bias": true, "attention_dropout": 0.0, "eos_token_id": 200002,
             "experts_per_token": 4, "head_dim": 64, "hidden_act": "silu", "hidden_size": 2880, "initial_context_length": 4096,
             "initializer_range": 0.02, "intermediate_size": 2880, "layer_types": ["sliding_attention", "full_attention", "sliding_attention",
             "full_attention", "sliding_attention", "full_attention", "sliding_attention", "full_attention", "sliding_attention", "full_attention",
             "sliding_attention", "full_attention", "sliding_attention", "full_attention", "sliding_attention", "full_attention",
             "sliding_attention", "full_attention", "sliding_attention", "full_attention", "sliding_attention", "full_attention",
             "sliding_attention", "full_attention"], "max_position_embeddings": 131072, "model_type": "gpt_oss", "num_attention_heads": 64,
             "num_experts_per_tok": 4, "num_hidden_layers": 24, "num_key_value_heads": 8, "num_local_experts": 32, "output_router_logits": false,
             "pad_token_id": 199999, "rms_norm_eps": 1e-05, "rope_scaling": {"beta_fast": 32.0, "beta_slow": 1.0, "factor": 32.0,
             "original_max_position_embeddings": 4096, "rope_type": "yarn", "truncate": false}, "rope_theta": 150000, "router_aux_loss_coef": 0.9,
             "sliding_window": 128, "swiglu_limit": 7.0, "tie_word_embeddings": false, "use_cache": true, "vocab_size": 201088}
            """);
        Assert.Equal((131072, 24), (config.ContextLimit, config.Layers.Length));
        AttentionGeometry full = new AttentionGeometry(64, 8, 64) { Sinks = true };
        Assert.Equal([full with { WindowLeft = 127 }, full], config.Layers.Select(l => l.Attention).Take(2));
        Assert.Equal(
            (150000, 32.0, false), (config.Layers[0].Rope!.Theta, config.Layers[0].Rope!.Factor, config.Layers[0].Rope!.TruncateBounds));
        Assert.Equal(new ExpertsConfig(32, 4) { Width = 2880, GateLimit = 7 }, config.Experts);
    }

    [Fact]
    public void Olmo2()
    {
        ModelConfig config = Load("""
            {"architectures": ["Olmo2ForCausalLM"], "attention_bias": false, "attention_dropout": 0.0, "eos_token_id": 100257, "hidden_act": "silu",
             "hidden_size": 4096, "initializer_range": 0.02, "intermediate_size": 11008, "max_position_embeddings": 4096, "model_type": "olmo2",
             "num_attention_heads": 32, "num_hidden_layers": 32, "num_key_value_heads": 32, "pad_token_id": 100277, "rms_norm_eps": 1e-06,
             "rope_scaling": null, "rope_theta": 500000, "tie_word_embeddings": false, "torch_dtype": "float32", "use_cache": false, "vocab_size": 100352}
            """);
        AssertShape(config, 4096, layers: 32, new AttentionGeometry(32, 32, 128));
        Assert.Equal(new RopeConfig { RotaryDim = 128, Theta = 500000 }, config.Layers[0].Rope);
    }

    [Fact]
    public void Pythia()
    {
        ModelConfig config = Load("""
            {"architectures": ["GPTNeoXForCausalLM"], "bos_token_id": 0, "eos_token_id": 0, "hidden_act": "gelu", "hidden_size": 2048,
             "initializer_range": 0.02, "intermediate_size": 8192, "layer_norm_eps": 1e-05, "max_position_embeddings": 2048, "model_type": "gpt_neox",
             "num_attention_heads": 8, "num_hidden_layers": 16, "rotary_emb_base": 10000, "rotary_pct": 0.25, "tie_word_embeddings": false,
             "torch_dtype": "float16", "use_cache": true, "use_parallel_residual": true, "vocab_size": 50304}
            """);
        AssertShape(config, 2048, layers: 16, new AttentionGeometry(8, 8, 256));
        Assert.Equal(new RopeConfig { RotaryDim = 64, Theta = 10000 }, config.Layers[0].Rope);
        Assert.Equal(
            (true, true, true, true, Activation.Gelu),
            (config.ParallelBlocks, config.AttentionBias, config.FeedForwardBias, config.NormBias, config.Activation));
    }

    [Fact]
    public void Starcoder2()
    {
        ModelConfig config = Load("""
            {"architectures": ["Starcoder2ForCausalLM"], "attention_dropout": 0.1, "bos_token_id": 0, "embedding_dropout": 0.1, "eos_token_id": 0,
             "hidden_act": "gelu_pytorch_tanh", "hidden_size": 3072, "initializer_range": 0.018042, "intermediate_size": 12288,
             "layer_norm_epsilon": 1e-05, "max_position_embeddings": 16384, "mlp_type": "default", "model_type": "starcoder2",
             "norm_epsilon": 1e-05, "norm_type": "layer_norm", "num_attention_heads": 24, "num_hidden_layers": 30, "num_key_value_heads": 2,
             "residual_dropout": 0.1, "rope_theta": 999999.4420358813, "sliding_window": 4096, "use_bias": true, "use_cache": true, "vocab_size": 49152}
            """);
        AssertShape(config, 16384, layers: 30, new AttentionGeometry(24, 2, 128) { WindowLeft = 4095 });
        Assert.Equal(
            (999999.4420358813, true, true, Activation.GeluTanh),
            (config.Layers[0].Rope!.Theta, config.TiedEmbeddings, config.NormBias, config.Activation));
    }

    [Fact]
    public void Granite()
    {
        ModelConfig config = Load("""
            {"architectures": ["GraniteForCausalLM"], "attention_bias": false, "attention_dropout": 0.1, "attention_multiplier": 0.015625,
             "bos_token_id": 0, "embedding_multiplier": 12.0, "eos_token_id": 0, "hidden_act": "silu", "hidden_size": 2048,
             "initializer_range": 0.02, "intermediate_size": 8192, "logits_scaling": 8.0, "max_position_embeddings": 131072, "mlp_bias": false,
             "model_type": "granite", "num_attention_heads": 32, "num_hidden_layers": 40, "num_key_value_heads": 8, "pad_token_id": 0,
             "residual_multiplier": 0.22, "rms_norm_eps": 1e-05, "rope_scaling": null, "rope_theta": 5000000.0, "tie_word_embeddings": true,
             "torch_dtype": "bfloat16", "use_cache": true, "vocab_size": 49155}
            """);
        AssertShape(config, 131072, layers: 40, new AttentionGeometry(32, 8, 64) { Scale = 0.015625 });
        Assert.Equal(
            (12.0, 0.22, 0.125, 5e6), (config.EmbeddingScale, config.ResidualScale, config.LogitScale, config.Layers[0].Rope!.Theta));
    }

    /// <summary>Every fourth layer has no rope; YaRN stretches the others, as the model's card tells to.</summary>
    [Theory]
    [InlineData("null", 65536)]
    [InlineData("""{"factor": 2.0, "original_max_position_embeddings": 65536, "type": "yarn"}""", 131072)]
    public void SmolLm3(string scaling, int context)
    {
        ModelConfig config = Load($$"""
            {"architectures": ["SmolLM3ForCausalLM"], "attention_bias": false, "attention_dropout": 0.0, "bos_token_id": 128000, "eos_token_id": 128012,
             "hidden_act": "silu", "hidden_size": 2048, "initializer_range": 0.02, "intermediate_size": 11008, "max_position_embeddings": 65536,
             "max_window_layers": 28, "mlp_bias": false, "model_type": "smollm3", "no_rope_layer_interval": 4,
             "no_rope_layers": [1, 1, 1, 0, 1, 1, 1, 0, 1, 1, 1, 0, 1, 1, 1, 0, 1, 1, 1, 0, 1, 1, 1, 0, 1, 1, 1, 0, 1, 1, 1, 0, 1, 1, 1, 0],
             "num_attention_heads": 16, "num_hidden_layers": 36, "num_key_value_heads": 4, "rms_norm_eps": 1e-06, "rope_scaling": {{scaling}},
             "rope_theta": 5000000.0, "sliding_window": null, "torch_dtype": "bfloat16", "use_cache": false, "use_sliding_window": false,
             "vocab_size": 128256}
            """);
        AssertShape(config, context, layers: 36, new AttentionGeometry(16, 4, 128));
        Assert.Equal(Enumerable.Range(0, 36).Select(layer => layer % 4 != 3), config.Layers.Select(layer => layer.Rope is not null));
        Assert.Equal((5e6, true), (config.Layers[0].Rope!.Theta, config.TiedEmbeddings));
    }

    [Fact]
    public void Glm4()
    {
        ModelConfig config = Load("""
            {"architectures": ["Glm4ForCausalLM"], "attention_bias": true, "attention_dropout": 0.0, "eos_token_id": [151329, 151336, 151338],
             "head_dim": 128, "hidden_act": "silu", "hidden_size": 4096, "initializer_range": 0.02, "intermediate_size": 13696,
             "max_position_embeddings": 32768, "model_type": "glm4", "num_attention_heads": 32, "num_hidden_layers": 40, "num_key_value_heads": 2,
             "pad_token_id": 151329, "partial_rotary_factor": 0.5, "rms_norm_eps": 1e-05, "rope_theta": 10000.0, "tie_word_embeddings": false,
             "torch_dtype": "bfloat16", "use_cache": true, "vocab_size": 151552}
            """);
        AssertShape(config, 32768, layers: 40, new AttentionGeometry(32, 2, 128));
        Assert.Equal((64, true), (config.Layers[0].Rope!.RotaryDim, config.AttentionBias));
    }

    [Fact]
    public void ModernBert()
    {
        ModelConfig config = Load("""
            {"architectures": ["ModernBertForMaskedLM"], "attention_bias": false, "attention_dropout": 0.0, "bos_token_id": 50281,
             "classifier_activation": "gelu", "classifier_bias": false, "classifier_dropout": 0.0, "classifier_pooling": "mean",
             "cls_token_id": 50281, "decoder_bias": true, "deterministic_flash_attn": false, "embedding_dropout": 0.0, "eos_token_id": 50282,
             "global_attn_every_n_layers": 3, "global_rope_theta": 160000.0, "gradient_checkpointing": false, "hidden_activation": "gelu",
             "hidden_size": 768, "initializer_cutoff_factor": 2.0, "initializer_range": 0.02, "intermediate_size": 1152, "layer_norm_eps": 1e-05,
             "local_attention": 128, "local_rope_theta": 10000.0, "max_position_embeddings": 8192, "mlp_bias": false, "mlp_dropout": 0.0,
             "model_type": "modernbert", "norm_bias": false, "norm_eps": 1e-05, "num_attention_heads": 12, "num_hidden_layers": 22,
             "pad_token_id": 50283, "position_embedding_type": "absolute", "sep_token_id": 50282, "tie_word_embeddings": true,
             "torch_dtype": "float32", "vocab_size": 50368}
            """);
        Assert.Equal((true, 8192, 50281, 50282), (config.IsEncoder, config.ContextLimit, config.ClassTokenId, config.SeparatorTokenId));
        var full = new LayerConfig(
            new AttentionGeometry(12, 12, 64) { IsBidirectional = true }, new RopeConfig { RotaryDim = 64, Theta = 160000 });
        var windowed = new LayerConfig(
            full.Attention with { WindowLeft = 64, WindowRight = 64 }, new RopeConfig { RotaryDim = 64, Theta = 10000 });
        Assert.Equal(Enumerable.Range(0, 22).Select(layer => layer % 3 == 0 ? full : windowed), config.Layers);
    }

    /// <summary>A file without any key is what transformers makes of it.</summary>
    [Theory]
    [InlineData("gpt2", 50257, 768, 12, 12, 12, 64, 1024)]
    [InlineData("llama", 32000, 4096, 32, 32, 32, 128, 2048)]
    [InlineData("mistral", 32000, 4096, 32, 32, 8, 128, 131072)]
    [InlineData("mixtral", 32000, 4096, 32, 32, 8, 128, 131072)]
    [InlineData("qwen2", 151936, 4096, 32, 32, 32, 128, 32768)]
    [InlineData("qwen3", 151936, 4096, 32, 32, 32, 128, 32768)]
    [InlineData("qwen3_moe", 151936, 2048, 24, 32, 4, 64, 32768)]
    [InlineData("gemma", 256000, 3072, 28, 16, 16, 256, 8192)]
    [InlineData("gemma2", 256000, 2304, 26, 8, 4, 256, 8192)]
    [InlineData("gemma3_text", 262208, 2304, 26, 8, 4, 256, 131072)]
    [InlineData("phi3", 32064, 3072, 32, 32, 32, 96, 4096)]
    [InlineData("olmo2", 50304, 4096, 32, 32, 32, 128, 2048)]
    [InlineData("gpt_neox", 50432, 6144, 44, 64, 64, 96, 2048)]
    [InlineData("starcoder2", 49152, 3072, 30, 24, 2, 128, 4096)]
    [InlineData("granite", 32000, 4096, 32, 32, 32, 128, 2048)]
    [InlineData("smollm3", 128256, 2048, 36, 16, 4, 128, 32768)]
    [InlineData("glm4", 151552, 4096, 40, 32, 2, 128, 131072)]
    [InlineData("bloom", 250880, 64, 2, 8, 8, 8, int.MaxValue)]
    [InlineData("gpt_oss", 201088, 2880, 36, 64, 8, 64, 131072)]
    [InlineData("deepseek_v3", 129280, 7168, 61, 128, 1, 576, 4096)]
    [InlineData("modernbert", 50368, 768, 22, 12, 12, 64, 8192)]
    public void DefaultsAreThoseOfTransformers(
        string type, int vocabulary, int hidden, int layers, int heads, int kvHeads, int dim, int context)
    {
        ModelConfig config = Load($$"""{"model_type": "{{type}}"}""");
        AttentionGeometry attention = config.Layers[0].Attention;
        Assert.Equal(
            (vocabulary, hidden, layers, heads, kvHeads, dim, context),
            (config.VocabularySize, config.HiddenSize, config.Layers.Length, attention.QueryHeads, attention.KvHeads,
                attention.HeadDim, config.ContextLimit));
    }

    /// <summary>Windows from layer 28 on, where a file turns them on and does not say from which.</summary>
    [Theory]
    [InlineData("qwen2")]
    [InlineData("qwen3")]
    public void MissingWindowLayersAre28(string type) => Assert.Equal(
        Enumerable.Range(0, 32).Select(layer => layer >= 28 ? 4095 : -1),
        Load($$"""{"model_type": "{{type}}", "use_sliding_window": true}""").Layers.Select(layer => layer.Attention.WindowLeft));

    [Fact]
    public void DefaultsThatOnlyAMissingKeyHas()
    {
        Assert.Equal((50.0, 30.0), Caps("""{"model_type": "gemma2"}"""));
        Assert.Equal((0.0, 0.0), Caps("""{"model_type": "gemma2", "attn_logit_softcapping": null, "final_logit_softcapping": null}"""));
        Assert.Equal((0.0, 0.0), Caps("""{"model_type": "gemma3_text"}"""));
        Assert.Equal(1, Load("""{"model_type": "granite"}""").Layers[0].Attention.Scale);
        Assert.Equal(256, Load("""{"model_type": "gemma2", "hidden_size": 64}""").Layers[0].Attention.HeadDim);
        Assert.Equal(8, Load("""{"model_type": "gemma2", "hidden_size": 64, "head_dim": null}""").Layers[0].Attention.HeadDim);
        Assert.Equal(
            Enumerable.Range(0, 8).Select(i => i % 3 != 2),
            Load("""{"model_type": "smollm3", "num_hidden_layers": 8, "no_rope_layer_interval": 3}""").Layers.Select(
                l => l.Rope is not null));
        Assert.Equal(
            [160000, 160000], Load("""{"model_type": "modernbert", "num_hidden_layers": 2, "local_rope_theta": null}""").Layers.Select(
                l => l.Rope!.Theta));

        ExpertsConfig experts = Load(
            """{"model_type": "qwen3_moe", "num_hidden_layers": 6, "decoder_sparse_step": 2, "mlp_only_layers": [3]}""").Experts!;
        Assert.Equal([false, true, false, false, false, true], Enumerable.Range(0, 6).Select(experts.Serve));
        Assert.Equal((128, 8, false), (experts.Count, experts.PerToken, experts.Routing.Normalize));

        static (double, double) Caps(string json)
        {
            ModelConfig config = Load(json);
            return (config.Layers[0].Attention.Softcap, config.LogitSoftcap);
        }
    }

    [Theory]
    [InlineData(
        """{"model_type": "gpt_neox", "num_attention_heads": 5}""",
        "'num_attention_heads' is 5, which is not supported; supported: a divisor of hidden_size, 6144")]
    [InlineData(
        """{"model_type": "smollm3", "num_hidden_layers": 2, "no_rope_layers": [1]}""",
        "'no_rope_layers' is [1], which is not supported; supported: 1 or 0 for each of 2 layers")]
    [InlineData(
        """{"model_type": "smollm3", "num_hidden_layers": 1, "no_rope_layers": [true]}""",
        "'no_rope_layers' is [true], not a list of integers")]
    [InlineData(
        """{"model_type": "smollm3", "num_hidden_layers": 1, "no_rope_layers": 1}""", "'no_rope_layers' is 1, not a list of integers")]
    [InlineData(
        """{"model_type": "mixtral", "num_local_experts": 1}""",
        "'num_experts_per_tok' is 2, which is not supported; supported: at most num_local_experts, 1")]
    [InlineData(
        """{"model_type": "qwen3_moe", "num_experts": 4, "num_experts_per_tok": 8}""",
        "'num_experts_per_tok' is 8, which is not supported; supported: at most num_experts, 4")]
    [InlineData(
        """{"model_type": "llama", "num_hidden_layers": 2000000000}""",
        "'num_hidden_layers' is 2000000000, which is not supported; supported: at most 1000")]
    [InlineData("""{"model_type": "gemma3"}""", "has no key 'text_config'")]
    [InlineData(
        """{"model_type": "gemma3", "text_config": {"hidden_size": "x"}}""", "'text_config.hidden_size' is \"x\", not an integer from 1")]
    [InlineData(
        """{"model_type": "gemma3_text", "use_bidirectional_attention": true}""",
        "'use_bidirectional_attention' is true, which is not supported")]
    [InlineData(
        """{"model_type": "modernbert", "num_attention_heads": 5}""",
        "'num_attention_heads' is 5, which is not supported; supported: a divisor of hidden_size, 768")]
    [InlineData(
        """{"model_type": "deepseek_v3", "rope_scaling": {"type": "longrope", "short_factor": [1], "long_factor": [1]}, "qk_rope_head_dim": 2}""", "'rope_scaling' is")]
    [InlineData("""{"model_type": "qwen2_5_vl"}""", "'model_type' is \"qwen2_5_vl\", which is not supported")]
    public void NamesWhatIsNotSupported(string json, string message) =>
        Assert.Contains(message, Assert.Throws<CheckpointException>(() => Load(json)).Message, StringComparison.Ordinal);

    private static void AssertShape(ModelConfig config, int context, int layers, AttentionGeometry attention)
    {
        Assert.Equal(context, config.ContextLimit);
        Assert.Equal(Enumerable.Repeat(attention, layers), config.Layers.Select(layer => layer.Attention));
    }

    // Factors that rise from 1.
    private static string Factors(int count, double step) =>
        string.Join(
            ", ", Enumerable.Range(0, count).Select(i => (1 + (step * i)).ToString(System.Globalization.CultureInfo.InvariantCulture)));

    private static ModelConfig Load(string json)
    {
        using var folder = new TemporaryFolder();
        folder.Write(ModelConfig.FileName, json);
        return ModelConfig.Load(folder.Path);
    }
}
