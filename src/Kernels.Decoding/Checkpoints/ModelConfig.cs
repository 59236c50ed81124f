using System.Collections.Immutable;
using System.Text.Json;

namespace Kernels.Decoding;

/// <summary>What a checkpoint's <c>config.json</c> says of its model, in one form for all architectures.</summary>
public sealed record ModelConfig
{
    /// <summary>The file name of a model's configuration.</summary>
    public const string FileName = "config.json";

    /// <summary>The file name of a model's defaults for generating text.</summary>
    public const string GenerationFileName = "generation_config.json";

    /// <summary>The architecture, as the file names it: <c>model_type</c>.</summary>
    public required string ModelType { get; init; }

    /// <summary>Token ids are from 0 to one less.</summary>
    public required int VocabularySize { get; init; }

    /// <summary>Elements of the residual stream.</summary>
    public required int HiddenSize { get; init; }

    /// <summary>Elements between the two halves of a feed-forward block.</summary>
    public required int IntermediateSize { get; init; }

    /// <summary>The decoder layers, first to last.</summary>
    internal ImmutableArray<LayerConfig> Layers { get; init; } = [];

    /// <summary>What is added to a variance before its root is taken.</summary>
    public required double NormEpsilon { get; init; }

    /// <summary>Positions that the model knows; <see cref="int.MaxValue"/> where its encoding of positions has no end.</summary>
    public required int MaxPositions { get; init; }

    /// <summary>The non-linear function of the feed-forward blocks.</summary>
    internal Activation Activation { get; init; }

    /// <summary>The latent attention of all layers; null where their attention is another.</summary>
    internal LatentConfig? Latent { get; init; }

    /// <summary>The experts of the feed-forward blocks; null where these are dense.</summary>
    internal ExpertsConfig? Experts { get; init; }

    /// <summary>Whether the projections of attention have biases.</summary>
    public bool AttentionBias { get; init; }

    /// <summary>Whether the projections of the feed-forward block have biases.</summary>
    public bool FeedForwardBias { get; init; }

    /// <summary>Whether norms have biases beside their weights.</summary>
    public bool NormBias { get; init; }

    /// <summary>Whether attention and the feed-forward block of a layer take the same input, side by side.</summary>
    public bool ParallelBlocks { get; init; }

    /// <summary>The factor on the embedding.</summary>
    public double EmbeddingScale { get; init; } = 1;

    /// <summary>The factor on what a block adds to the residual stream.</summary>
    public double ResidualScale { get; init; } = 1;

    /// <summary>The factor on logits.</summary>
    public double LogitScale { get; init; } = 1;

    /// <summary>Whether the model writes no text: every token sees those behind it too, and hidden states are what it gives.</summary>
    public bool IsEncoder { get; init; }

    /// <summary>The token that begins an encoder's text.</summary>
    public int? ClassTokenId { get; init; }

    /// <summary>The token that ends an encoder's text.</summary>
    public int? SeparatorTokenId { get; init; }

    /// <summary>Whether the output head is the embedding table.</summary>
    public bool TiedEmbeddings { get; init; }

    /// <summary>
    /// The type of the weights: of a loaded checkpoint what they have, else what the file names; null where it names none, or one that is
    /// not read.
    /// </summary>
    public ElementType? WeightType { get; init; }

    /// <summary>How its weights were quantised; null where the file does not say that they were.</summary>
    internal QuantizationConfig? Quantization { get; init; }

    /// <summary>c in c·tanh(logit / c), which keeps logits between −c and c; 0: off.</summary>
    public double LogitSoftcap { get; init; }

    /// <summary>The token that begins a text, if the model wants one.</summary>
    public int? BosTokenId { get; init; }

    /// <summary>The tokens that end a text; may be empty.</summary>
    public ImmutableArray<int> EosTokenIds { get; init; } = [];

    /// <summary>The most tokens that a sequence may have: the model's positions, stretched as its rope says.</summary>
    /// <remarks>
    /// Layers without rope know all positions, and those with a window only distances: the layers that know the most tell it.
    /// </remarks>
    public int ContextLimit =>
        Layers.Max(layer => layer.Rope?.Stretch(MaxPositions) ?? (Layers.All(l => l.Rope is null) ? MaxPositions : 0));

    /// <summary>
    /// Reads <c>config.json</c> of a checkpoint folder, and the token ids of its <c>generation_config.json</c> if there is one.
    /// </summary>
    /// <exception cref="CheckpointException">A file or key is missing or wrong, or the architecture is not supported.</exception>
    /// <param name="folder">
    /// The checkpoint: a folder, or a <c>.gguf</c> file, whose metadata is read instead; see <see cref="CheckpointFolder.Resolve"/>.
    /// </param>
    public static ModelConfig Load(string folder)
    {
        folder = CheckpointFolder.Resolve(folder);
        if (CheckpointFolder.IsGguf(folder))
        {
            using GgufFile file = GgufFile.Open(folder);
            using JsonDocument metadata = GgufArchitecture.Of(file).Configuration(file);
            return Read(folder, metadata);
        }

        string path = Path.Combine(folder, FileName);
        if (!File.Exists(path))
        {
            throw CheckpointFolder.WithoutConfiguration(folder);
        }

        CheckpointFolder.CheckFile(path);
        using JsonDocument document = JsonFile.Open(path);
        ModelConfig config = Read(path, document);
        string generationPath = Path.Combine(folder, GenerationFileName);
        if (!File.Exists(generationPath))
        {
            return config;
        }

        using JsonDocument generationDocument = JsonFile.Open(generationPath);
        var generation = new ConfigReader(generationPath, generationDocument.RootElement);
        ImmutableArray<int> eos = generation.TokenIds("eos_token_id");
        return config with
        {
            BosTokenId = config.BosTokenId ?? generation.OptionalInteger("bos_token_id", 0),

            // Chat models end a turn with tokens that only this file lists.
            EosTokenIds = eos.IsEmpty ? config.EosTokenIds : eos,
        };
    }

    /// <summary>Throws if a sequence of this many tokens is more than <see cref="ContextLimit"/>.</summary>
    /// <param name="tokens">Tokens of the sequence.</param>
    /// <param name="folder">The checkpoint, for the message.</param>
    /// <exception cref="CheckpointException">The sequence is too long.</exception>
    public void CheckContext(int tokens, string folder)
    {
        if (tokens > ContextLimit)
        {
            throw new CheckpointException(folder, $"a context of {tokens} tokens exceeds the {ContextLimit} positions of the model");
        }
    }

    private static ModelConfig Read(string path, JsonDocument document)
    {
        var json = new ConfigReader(path, document.RootElement);
        string type = json.Text("model_type");
        Architecture architecture = Architecture.Find(type)
            ?? throw json.Unsupported("model_type", string.Join(", ", Architecture.ModelTypes));
        return architecture.ReadConfig(json.WithDefaults(architecture.Defaults)) with
        {
            ModelType = type,
            Quantization = QuantizationConfig.Read(json),
            BosTokenId = json.OptionalInteger("bos_token_id", 0),
            EosTokenIds = json.TokenIds("eos_token_id"),
            WeightType = json.OptionalText(json.AnyOf("dtype", "torch_dtype")) switch
            {
                "float32" => ElementType.Float32,
                "float16" => ElementType.Float16,
                "bfloat16" => ElementType.BFloat16,
                _ => null,
            },
        };
    }
}
