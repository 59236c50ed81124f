namespace Kernels.Decoding;

/// <summary>Gemma-3 with a vision tower, of which the text model alone is read: its configuration is <c>text_config</c>.</summary>
internal sealed class Gemma3Decoder : Gemma3TextDecoder
{
    /// <inheritdoc/>
    public override string ModelType => "gemma3";

    /// <inheritdoc/>
    public override ModelConfig ReadConfig(ConfigReader json) => base.ReadConfig(json.Object("text_config").WithDefaults(Defaults));
}
