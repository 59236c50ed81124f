using Kernels.OpenCL;

namespace Kernels.Decoding;

/// <summary>
/// What one family of models has of its own: how its configuration is read, and which parts its decoder is put together
/// from. To add a family, write such a class and list it here.
/// </summary>
internal abstract class Architecture
{
    private static readonly Architecture[] All =
    [
        new Gpt2Decoder(),
        new LlamaDecoder(),
        new MistralDecoder(),
        new MixtralDecoder(),
        new Qwen2Decoder(),
        new Qwen3Decoder(),
        new Qwen3MoeDecoder(),
        new GemmaDecoder(),
        new Gemma2Decoder(),
        new Gemma3TextDecoder(),
        new Gemma3Decoder(),
        new Phi3Decoder(),
        new Olmo2Decoder(),
        new GptNeoXDecoder(),
        new Starcoder2Decoder(),
        new GraniteDecoder(),
        new SmolLm3Decoder(),
        new Glm4Decoder(),
        new BloomDecoder(),
        new GptOssDecoder(),
        new DeepSeekV2Decoder(),
        new DeepSeekV3Decoder(),
        new ModernBertEncoder(),
    ];

    /// <summary>Every <c>model_type</c> that there is code for.</summary>
    public static IEnumerable<string> ModelTypes => All.Select(a => a.ModelType);

    /// <summary>The value of <c>model_type</c>.</summary>
    public abstract string ModelType { get; }

    /// <summary>
    /// The values of keys that <c>config.json</c> does not have, as a JSON object: those of the family's configuration class in
    /// transformers.
    /// </summary>
    /// <remarks>Ids of tokens are not among them: files of their own tell these better.</remarks>
    public virtual string Defaults => "{}";

    /// <summary>What its weights have that the configuration does not say.</summary>
    public virtual ArchitectureTraits Traits { get; } = new();

    /// <summary>The family of a <c>model_type</c>, or null if there is no code for it.</summary>
    public static Architecture? Find(string modelType) => Array.Find(All, a => a.ModelType == modelType);

    /// <summary>Reads the family's keys of <c>config.json</c>; the keys that all families share are read by the caller.</summary>
    /// <exception cref="CheckpointException">A key is missing or wrong, or its value is not supported.</exception>
    public abstract ModelConfig ReadConfig(ConfigReader json);

    /// <summary>Uploads the weights and puts the decoder's parts together.</summary>
    /// <param name="weights">The checkpoint's weights; it owns all that is made here.</param>
    /// <param name="config">The model.</param>
    /// <param name="capacity">The most tokens that a sequence may have.</param>
    /// <exception cref="CheckpointException">A tensor is missing, or is not of the shape that the configuration says.</exception>
    public abstract DecoderParts Build(DecoderWeights weights, ModelConfig config, int capacity);
}
