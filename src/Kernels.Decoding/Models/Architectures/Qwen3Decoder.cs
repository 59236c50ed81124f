namespace Kernels.Decoding;

/// <summary>Qwen-3: Llama with norms on the heads of queries and keys, and a sliding window in the upper layers if the configuration turns it on.</summary>
public sealed class Qwen3Decoder : LlamaDecoder
{
    /// <inheritdoc/>
    public override string ModelType => "qwen3";

    /// <inheritdoc/>
    public override ArchitectureTraits Traits { get; } = new() { HasHeadNorms = true };

    /// <inheritdoc/>
    protected override bool HasWindow(ConfigReader json, int layer) =>
        json.Flag("use_sliding_window", false) && json.Has("sliding_window") && layer >= json.Count("max_window_layers");

    /// <inheritdoc/>
    protected override HeadNorms HeadNorms(LayerSource source)
    {
        int dim = source.Config.Layers[source.Layer].Attention.HeadDim;
        string prefix = source.Prefix + "self_attn.";
        return new HeadNorms(Norm(source.Weights, source.Config, prefix + "q_norm", dim), Norm(source.Weights, source.Config, prefix + "k_norm", dim));
    }
}
