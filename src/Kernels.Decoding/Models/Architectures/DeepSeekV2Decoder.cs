namespace Kernels.Decoding;

/// <summary>DeepSeek-V2: experts are chosen and weighted by the softmax of their logits.</summary>
internal sealed class DeepSeekV2Decoder : DeepSeekDecoder
{
    /// <inheritdoc/>
    public override string ModelType => "deepseek_v2";

    /// <inheritdoc/>
    public override string Defaults => """
        {"vocab_size": 32000, "hidden_size": 4096, "intermediate_size": 11008, "num_hidden_layers": 32, "num_attention_heads": 32,
         "hidden_act": "silu", "max_position_embeddings": 2048, "rms_norm_eps": 1e-6, "rope_theta": 10000, "attention_bias": false,
         "mlp_bias": false, "tie_word_embeddings": false, "first_k_dense_replace": 0, "kv_lora_rank": 512, "q_lora_rank": 1536,
         "n_routed_experts": 64, "n_shared_experts": 2, "qk_nope_head_dim": 128, "qk_rope_head_dim": 64, "v_head_dim": 128,
         "moe_intermediate_size": 1407, "routed_scaling_factor": 1, "topk_method": "greedy", "norm_topk_prob": false}
        """;

    /// <inheritdoc/>
    protected override RoutingConfig ReadRouting(ConfigReader json)
    {
        Expect(json, "scoring_func", "softmax");
        string method = json.OptionalText("topk_method") ?? "greedy";
        bool hasGroups = method switch
        {
            "greedy" => false,
            "group_limited_greedy" => true,
            _ => throw json.Unsupported("topk_method", "greedy, group_limited_greedy"),
        };
        bool normalizes = json.Flag("norm_topk_prob", false) && json.Count("num_experts_per_tok") > 1;
        return new RoutingConfig
        {
            Score = ExpertScore.Softmax,
            Groups = hasGroups ? json.Count("n_group") : 1,
            GroupsPerToken = hasGroups ? json.Count("topk_group") : 1,
            Normalize = normalizes,

            // The models were made with either: weights that are divided by their sum have no factor.
            Scale = normalizes ? 1 : json.OptionalPositive("routed_scaling_factor") ?? 1,
        };
    }
}
