using Kernels.OpenCL;

namespace Kernels.Decoding;

/// <summary>
/// GPT-2: pre-norm layers with LayerNorm, multi-head attention, learned positions, and biases everywhere; weights are stored [inputs,
/// outputs].
/// </summary>
internal sealed class Gpt2Decoder : Architecture
{
    /// <inheritdoc/>
    public override string ModelType => "gpt2";

    /// <inheritdoc/>
    public override string Defaults => """
        {"vocab_size": 50257, "n_positions": 1024, "n_embd": 768, "n_layer": 12, "n_head": 12,
         "activation_function": "gelu_new", "layer_norm_epsilon": 1e-5}
        """;

    /// <inheritdoc/>
    public override ArchitectureTraits Traits { get; } = new() { IsGated = false, HasBiases = true, HasPositions = true };

    /// <inheritdoc/>
    public override ModelConfig ReadConfig(ConfigReader json)
    {
        if (json.Flag("add_cross_attention", false))
        {
            throw json.Unsupported("add_cross_attention", "false");
        }

        int hidden = json.Count("n_embd");
        int heads = json.Count("n_head");
        if (hidden % heads != 0)
        {
            throw json.Unsupported("n_head", $"a divisor of n_embd, {hidden}");
        }

        int dim = hidden / heads;
        double scale = json.Flag("scale_attn_weights", true) ? 1 / Math.Sqrt(dim) : 1;
        bool byLayer = json.Flag("scale_attn_by_inverse_layer_idx", false);
        return new ModelConfig
        {
            ModelType = ModelType,
            VocabularySize = json.Count("vocab_size"),
            HiddenSize = hidden,
            IntermediateSize = json.OptionalCount("n_inner") ?? 4 * hidden,
            Layers = [.. Enumerable.Range(0, json.LayerCount("n_layer")).Select(layer => new LayerConfig(
                new AttentionGeometry(heads, heads, dim) { Scale = byLayer ? scale / (layer + 1) : scale }, Rope: null))],
            NormEpsilon = json.OptionalPositive("layer_norm_epsilon") ?? 1e-5,
            MaxPositions = json.Count("n_positions"),
            Activation = ActivationNames.Read(json, "activation_function", Activation.GeluTanh),
            TiedEmbeddings = json.Flag("tie_word_embeddings", true),
        };
    }

    /// <inheritdoc/>
    public override DecoderParts Build(DecoderWeights weights, ModelConfig config, int capacity)
    {
        int hidden = config.HiddenSize;

        // Checkpoints of the bare model, which the published ones are, have no prefix.
        string root = weights.Root("ln_f.weight", "transformer.", "");
        var layers = new DecoderLayer[config.Layers.Length];
        for (int layer = 0; layer < layers.Length; layer++)
        {
            string prefix = $"{root}h.{layer}.";
            layers[layer] = new DecoderLayer(
                Norm(prefix + "ln_1"),
                new MultiHeadAttention(
                    layer,
                    config.Layers[layer].Attention,
                    weights.TransposedLinear(prefix + "attn.c_attn", hidden, 3 * hidden),
                    weights.TransposedLinear(prefix + "attn.c_proj", hidden, hidden)),
                Norm(prefix + "ln_2"),
                new FeedForward(
                    weights.TransposedLinear(prefix + "mlp.c_fc", hidden, config.IntermediateSize),
                    config.Activation,
                    weights.TransposedLinear(prefix + "mlp.c_proj", config.IntermediateSize, hidden)));
        }

        (WeightMatrix embedding, Linear? head) = weights.Ends(root + "wte", "lm_head", config);
        return new DecoderParts(
            new TokenEmbedding(embedding) { Positions = weights.Matrix(hidden, (root + "wpe", config.MaxPositions)) },
            layers,
            Norm(root + "ln_f"),
            head);

        LayerNorm Norm(string name) =>
            new(weights.Vector(name + ".weight", hidden), weights.Vector(name + ".bias", hidden), config.NormEpsilon);
    }
}
