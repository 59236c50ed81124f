namespace Decoders.Tests;

/// <summary>Configurations of published models, as far as they tell shapes.</summary>
internal static class PublishedModels
{
    public const string Llama2 = """
        {"model_type": "llama", "vocab_size": 32000, "hidden_size": 4096, "intermediate_size": 11008, "num_hidden_layers": 32,
         "num_attention_heads": 32, "num_key_value_heads": 32, "max_position_embeddings": 4096, "rms_norm_eps": 1e-05,
         "hidden_act": "silu", "tie_word_embeddings": false, "torch_dtype": "float16"}
        """;

    public const string Mistral = """
        {"model_type": "mistral", "vocab_size": 32000, "hidden_size": 4096, "intermediate_size": 14336, "num_hidden_layers": 32,
         "num_attention_heads": 32, "num_key_value_heads": 8, "max_position_embeddings": 32768, "sliding_window": 4096,
         "rms_norm_eps": 1e-05, "hidden_act": "silu", "tie_word_embeddings": false, "rope_theta": 10000.0, "torch_dtype": "bfloat16"}
        """;

    public const string Llama3 = """
        {"model_type": "llama", "vocab_size": 128256, "hidden_size": 4096, "intermediate_size": 14336, "num_hidden_layers": 32,
         "num_attention_heads": 32, "num_key_value_heads": 8, "max_position_embeddings": 8192, "rms_norm_eps": 1e-05,
         "hidden_act": "silu", "tie_word_embeddings": false, "rope_theta": 500000.0, "torch_dtype": "bfloat16"}
        """;

    public const string Gpt2 = """
        {"model_type": "gpt2", "vocab_size": 50257, "n_embd": 768, "n_head": 12, "n_layer": 12, "n_positions": 1024,
         "layer_norm_epsilon": 1e-05, "activation_function": "gelu_new"}
        """;

    public const string DeepSeekV3 = """
        {"model_type": "deepseek_v3", "vocab_size": 129280, "hidden_size": 7168, "intermediate_size": 18432, "moe_intermediate_size": 2048,
         "num_hidden_layers": 61, "num_attention_heads": 128, "num_key_value_heads": 128, "n_shared_experts": 1, "n_routed_experts": 256,
         "routed_scaling_factor": 2.5, "kv_lora_rank": 512, "q_lora_rank": 1536, "qk_rope_head_dim": 64, "v_head_dim": 128,
         "qk_nope_head_dim": 128, "topk_method": "noaux_tc", "n_group": 8, "topk_group": 4, "num_experts_per_tok": 8, "moe_layer_freq": 1,
         "first_k_dense_replace": 3, "norm_topk_prob": true, "scoring_func": "sigmoid", "hidden_act": "silu",
         "max_position_embeddings": 163840, "rms_norm_eps": 1e-06, "rope_theta": 10000, "tie_word_embeddings": false, "torch_dtype": "bfloat16",
         "rope_scaling": {"type": "yarn", "factor": 40, "original_max_position_embeddings": 4096, "beta_fast": 32, "beta_slow": 1, "mscale": 1.0, "mscale_all_dim": 1.0}}
        """;

    /// <summary>A configuration as it is read from a folder.</summary>
    public static ModelConfig Read(string json)
    {
        using var folder = new TemporaryFolder();
        folder.Write(ModelConfig.FileName, json);
        return ModelConfig.Load(folder.Path);
    }
}
