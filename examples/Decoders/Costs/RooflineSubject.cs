using Kernels.Costs;

namespace Decoders;

/// <summary>What the <c>roofline</c> command is asked about: layers of attention, with the rest of a model or without.</summary>
/// <param name="Name">What it is called.</param>
/// <param name="Layers">The layers by the shape of their cache and of decoding.</param>
internal sealed record RooflineSubject(string Name, IReadOnlyList<CachedLayers> Layers)
{
    /// <summary>The layers by the shape that prompts attend with: another one where latent attention runs expanded.</summary>
    public IReadOnlyList<CachedLayers> PromptLayers { get; init; } = Layers;

    /// <summary>The model's weights; null for attention alone.</summary>
    public ModelWeights? Weights { get; init; }

    /// <summary>The model; null for attention alone.</summary>
    public ModelConfig? Config { get; init; }

    /// <summary>The model's folder, if there are weights in it.</summary>
    public string? Checkpoint { get; init; }

    /// <summary>The memory of its cache.</summary>
    public KvCachePlan Cache => new(Layers);

    /// <summary>Layers of all shapes.</summary>
    public int LayerCount => Layers.Sum(group => group.Layers);

    /// <summary>The layers of a model, with the shapes of the attention types that this program would take.</summary>
    /// <param name="name">The model's name.</param>
    /// <param name="config">The model; the type of its weights is known.</param>
    /// <param name="cache">The kind of cache.</param>
    /// <param name="attention">The type of its attention; by default what the program would take.</param>
    public static RooflineSubject Of(string name, ModelConfig config, CacheKind cache, ElementType? attention = null)
    {
        ElementType type = attention ?? AttentionCatalog.StorageOf(config);
        CachedLayers[] layers = Group(config.Layers.Select(layer => AttentionCatalog.Find(layer.Attention, cache, type).Shape));
        return new RooflineSubject(name, layers)
        {
            PromptLayers = config.Latent is { } latent
                ? [new(AttentionCatalog.Find(latent.Expanded, CacheKind.Contiguous, type).Shape, config.Layers.Length)] : layers,
            Weights = new ModelWeights(config, config.WeightType!.Value),
            Config = config,
        };
    }

    /// <summary>A step of one new token for each of a number of sequences.</summary>
    /// <param name="batch">Sequences.</param>
    /// <param name="context">Tokens of each, the new one included.</param>
    public StepCost Decode(long batch, long context) => Step(Layers, batch, 1, context);

    /// <summary>A step of a whole prompt for each of a number of sequences.</summary>
    /// <param name="batch">Sequences.</param>
    /// <param name="tokens">Tokens of each prompt.</param>
    public StepCost Prefill(long batch, long tokens) => Step(PromptLayers, batch, tokens, tokens);

    private static CachedLayers[] Group(IEnumerable<AttentionShape> shapes) =>
        [.. shapes.GroupBy(shape => shape).Select(group => new CachedLayers(group.Key, group.Count()))];

    private StepCost Step(IReadOnlyList<CachedLayers> attending, long batch, long queries, long keys)
    {
        long tokens = checked(batch * queries);
        var attention = default(WorkCost);
        foreach (CachedLayers group in attending)
        {
            attention += new AttentionCost(group.Shape).Attend(batch, queries, keys) * group.Layers;
        }

        // What is written is the cache's, whatever prompts attend with.
        foreach (CachedLayers group in Layers)
        {
            attention += new AttentionCost(group.Shape).Append(tokens) * group.Layers;
        }

        return new StepCost(Weights?.Step(tokens, batch) ?? default, attention);
    }
}
