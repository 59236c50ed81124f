namespace Kernels.Decoding;

/// <summary>Mistral: Llama with a sliding window in every layer, if the configuration has one.</summary>
public sealed class MistralDecoder : LlamaDecoder
{
    /// <inheritdoc/>
    public override string ModelType => "mistral";

    /// <inheritdoc/>
    protected override bool HasWindow(ConfigReader json, int layer) => json.Has("sliding_window");
}
