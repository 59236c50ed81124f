namespace Kernels.Decoding;

/// <summary>DeepSeek-V2: experts are chosen and weighted by the softmax of their logits.</summary>
public sealed class DeepSeekV2Decoder : DeepSeekDecoder
{
    /// <inheritdoc/>
    public override string ModelType => "deepseek_v2";

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
