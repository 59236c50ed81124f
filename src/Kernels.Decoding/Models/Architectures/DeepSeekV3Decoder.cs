namespace Kernels.Decoding;

/// <summary>
/// DeepSeek-V3 and R1: experts are chosen by the sigmoid of their logits and a learned bias. Weights in fp8 with scales, as the
/// models were published, are not read; in bfloat16 they are.
/// </summary>
public sealed class DeepSeekV3Decoder : DeepSeekDecoder
{
    /// <inheritdoc/>
    public override string ModelType => "deepseek_v3";

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
