namespace Kernels.Decoding;

/// <summary>Gemma-2: Gemma with capped scores and logits, a scale of its own, a window in every other layer, and norms behind the blocks too.</summary>
public sealed class Gemma2Decoder : GemmaDecoder
{
    /// <inheritdoc/>
    public override string ModelType => "gemma2";

    /// <inheritdoc/>
    public override ArchitectureTraits Traits { get; } = new() { NormsPerLayer = 4 };

    /// <inheritdoc/>
    public override ModelConfig ReadConfig(ConfigReader json)
    {
        ModelConfig config = base.ReadConfig(json);
        double softcap = ReadSoftcap(json, "attn_logit_softcapping", 50);
        double scale = 1 / Math.Sqrt(json.OptionalPositive("query_pre_attn_scalar") ?? 256);
        return config with
        {
            LogitSoftcap = ReadSoftcap(json, "final_logit_softcapping", 30),
            Layers = [.. config.Layers.Select(layer => layer with { Attention = layer.Attention with { Softcap = softcap, Scale = scale } })],
        };
    }

    /// <inheritdoc/>
    protected override bool HasWindow(ConfigReader json, int layer) => layer % 2 == 0;

    /// <inheritdoc/>
    protected override DecoderLayer BuildLayer(LayerSource source) => new(
        Norm(source, "input_layernorm"),
        new PostNormBlock(BuildAttention(source), Norm(source, "post_attention_layernorm")),
        Norm(source, "pre_feedforward_layernorm"),
        new PostNormBlock(BuildFeedForward(source), Norm(source, "post_feedforward_layernorm")));

    // Null is off; a missing key is what the family began with.
    private static double ReadSoftcap(ConfigReader json, string key, double otherwise) =>
        json.IsNull(key) ? 0 : json.OptionalPositive(key) ?? otherwise;
}
