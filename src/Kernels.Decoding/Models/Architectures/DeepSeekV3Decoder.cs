namespace Kernels.Decoding;

/// <summary>
/// DeepSeek-V3 and R1: experts are chosen by the sigmoid of their logits and a learned bias. Weights in fp8 with scales, as the
/// models were published, are not read; in bfloat16 they are.
/// </summary>
internal sealed class DeepSeekV3Decoder : DeepSeekDecoder
{
    /// <inheritdoc/>
    public override string ModelType => "deepseek_v3";

    /// <inheritdoc/>
    public override string Defaults => """
        {"vocab_size": 129280, "hidden_size": 7168, "intermediate_size": 18432, "moe_intermediate_size": 2048, "num_hidden_layers": 61,
         "num_attention_heads": 128, "n_shared_experts": 1, "n_routed_experts": 256, "routed_scaling_factor": 2.5, "kv_lora_rank": 512,
         "q_lora_rank": 1536, "qk_rope_head_dim": 64, "v_head_dim": 128, "qk_nope_head_dim": 128, "n_group": 8, "topk_group": 4,
         "num_experts_per_tok": 8, "first_k_dense_replace": 3, "norm_topk_prob": true, "hidden_act": "silu", "max_position_embeddings": 4096,
         "rms_norm_eps": 1e-6, "rope_theta": 10000, "rope_interleave": true, "attention_bias": false, "tie_word_embeddings": false}
        """;

    /// <inheritdoc/>
    protected override bool IsInterleaved(ConfigReader json) => json.Flag("rope_interleave", true);

    /// <inheritdoc/>
    protected override RoutingConfig ReadRouting(ConfigReader json)
    {
        Expect(json, "scoring_func", "sigmoid");
        Expect(json, "topk_method", "noaux_tc");
        return new RoutingConfig
        {
            Score = ExpertScore.BiasedSigmoid,
            Groups = json.OptionalCount("n_group") ?? 1,
            GroupsPerToken = json.OptionalCount("topk_group") ?? 1,
            Normalize = json.Flag("norm_topk_prob", true),
            Scale = json.OptionalPositive("routed_scaling_factor") ?? 2.5,
        };
    }
}
