using Kernels.Costs;

namespace Decoders;

/// <summary>The weights of a model, counted from its configuration: what a loader will put on the device.</summary>
internal sealed class ModelWeights
{
    // The modules that decide about the form of what is counted here, as configurations name them.
    private static readonly Dictionary<string, string> Modules = new(StringComparer.Ordinal)
    {
        ["embedding"] = "model.embed_tokens",
        ["head"] = "lm_head",
        ["query rows"] = "self_attn.q_a_proj",
        ["queries"] = "self_attn.q_proj",
        ["latent rows"] = "self_attn.kv_a_proj_with_mqa",
        ["latents to keys"] = "self_attn.kv_b_proj",
        ["queries, keys and values"] = "self_attn.q_proj",
        ["attention output"] = "self_attn.o_proj",
        ["gate and up"] = "mlp.gate_proj",
        ["up"] = "mlp.up_proj",
        ["down"] = "mlp.down_proj",
        ["router"] = "mlp.gate",
        ["experts' gate and up"] = "mlp.experts.gate_up_proj",
        ["experts' down"] = "mlp.experts.down_proj",
        ["shared expert's gate and up"] = "mlp.shared_experts.gate_proj",
        ["shared expert's down"] = "mlp.shared_experts.down_proj",
    };

    private readonly List<WeightMatrices> matrices = [];
    private readonly ModelConfig config;
    private readonly ArchitectureTraits traits;
    private readonly WeightLayout layout;

    /// <param name="config">The model.</param>
    /// <param name="type">The stored type of its matrices that are not quantised.</param>
    /// <param name="layout">How they lie on the device; by default row-major.</param>
    /// <exception cref="CheckpointException">There is no code for the architecture.</exception>
    public ModelWeights(ModelConfig config, ElementType type, WeightLayout? layout = null)
    {
        this.config = config;
        this.layout = layout ?? WeightLayout.RowMajor;
        Type = type;
        traits = Architecture.Find(config.ModelType)?.Traits
            ?? throw new CheckpointException(ModelConfig.FileName, $"'model_type' is '{config.ModelType}', which is not supported");
        long hidden = config.HiddenSize, layers = config.Layers.Length;
        Add("embedding", 1, config.VocabularySize, hidden, WeightUse.Row);
        if (traits.HasPositions)
        {
            Add("positions", 1, config.MaxPositions, hidden, WeightUse.Row);
        }

        AddAttention(hidden, layers);
        AddFeedForward(hidden, layers);
        AddNorms((layers * traits.NormsPerLayer) + 1 + (traits.HasEmbeddingNorm ? 1 : 0) - (traits.LacksFirstNorm ? 1 : 0), hidden);
        if (traits.HasHead)
        {
            matrices.Add(new WeightMatrices("head", 1, config.VocabularySize, hidden, WeightUse.Head) 
            {
                AreShared = config.TiedEmbeddings,
                Format = FormatOf("lm_head"),
            });
        }
    }

    /// <summary>The type of the matrices that are not quantised.</summary>
    public ElementType Type { get; }

    /// <summary>What the matrices are stored as, for people: the forms, those that most parameters have first.</summary>
    public string Formats => string.Join(" and ", Stored.Where(m => !m.AreVectors && m.Use != WeightUse.Instead).GroupBy(m => m.Format)
        .OrderByDescending(group => group.Sum(m => m.Elements))
        .Select(group => group.Key.HasGroups ? group.Key.ToString() : group.Key.Type.ToString()));

    /// <summary>All of them.</summary>
    public IReadOnlyList<WeightMatrices> Matrices => matrices;

    /// <summary>Parameters of the model.</summary>
    public long Parameters => Stored.Where(m => m.Use != WeightUse.Instead).Sum(m => m.Elements);

    /// <summary>Bytes of device memory that the weights take.</summary>
    public long Bytes => Stored.Sum(BytesOf);

    /// <summary>Bytes of the largest buffer; experts of a layer lie in one.</summary>
    public long LargestBuffer => Stored.Max(m => checked(BytesOf(m) / m.Count * (m.Use == WeightUse.Expert ? config.Experts!.Count : 1)));

    private IEnumerable<WeightMatrices> Stored => matrices.Where(m => !m.AreShared);

    /// <summary>Bytes of device memory that matrices take.</summary>
    public long BytesOf(WeightMatrices m) => m.Bytes(layout);

    /// <summary>
    /// What a step does with the weights: a multiplication and an addition for each weight and token, and each weight that is used
    /// read once. Experts count as if tokens chose them evenly and each for itself.
    /// </summary>
    /// <param name="tokens">Tokens of the step.</param>
    /// <param name="rows">Tokens whose logits are wanted.</param>
    public WorkCost Step(long tokens, long rows)
    {
        var total = default(WorkCost);
        foreach (WeightMatrices m in matrices)
        {
            double multiplications = m.AreVectors ? 0 : 2.0 * m.Elements;
            total += m.Use switch
            {
                WeightUse.Step => new WorkCost(multiplications * tokens, BytesOf(m)),
                WeightUse.Head => new WorkCost(multiplications * rows, BytesOf(m)),
                WeightUse.Row => new WorkCost(0, checked(tokens * (BytesOf(m) / m.Rows))),
                WeightUse.Expert => new WorkCost(
                    multiplications * tokens * Chosen, (long)(BytesOf(m) * (1 - Math.Pow(1 - Chosen, tokens)))),
                _ => default,
            };
        }

        return total;
    }

    /// <summary>The part of the experts that a token is given to.</summary>
    private double Chosen => (double)config.Experts!.PerToken / config.Experts.Count;

    private void AddAttention(long hidden, long layers)
    {
        bool bias = traits.HasBiases || config.AttentionBias;
        if (config.Latent is { } latent)
        {
            long queries = (long)latent.Heads * latent.HeadDim;
            if (latent.QueryRank is { } rank)
            {
                AddLinear("query rows", layers, rank, hidden, bias);
                AddVector("norms of query rows", layers, rank);
            }

            AddLinear("queries", layers, queries, latent.QueryRank ?? hidden, bias: false);
            AddLinear("latent rows", layers, latent.LatentWidth, hidden, bias);
            AddVector("norms of latent rows", layers, latent.Rank);
            long keys = (long)latent.Heads * latent.NopeDim;
            AddLinear("latents to keys", layers, keys, latent.Rank, bias: false);
            WeightFormat latents = FormatOf("self_attn.kv_b_proj");
            matrices.Add(
                new WeightMatrices("latents to keys, by head", layers, keys, latent.Rank, WeightUse.Instead)
                {
                    AreByHead = true,
                    Format = latents,
                });

            // Each head's is transposed, and so are the blocks of their scales.
            matrices.Add(
                new WeightMatrices("latents to values, by head", layers, (long)latent.Heads * latent.Rank, latent.ValueDim, WeightUse.Step)
            {
                AreByHead = true,
                Format = latents.HasGroups
                    ? WeightFormat.Fp8((int)Gcd(Gcd(config.Quantization!.BlockRows, latent.NopeDim + latent.ValueDim), latent.NopeDim))
                    : latents,
            });
            AddLinear("attention output", layers, hidden, (long)latent.Heads * latent.ValueDim, bias);
            return;
        }

        AttentionGeometry heads = config.Layers[0].Attention;
        long dim = heads.HeadDim;
        AddLinear("queries, keys and values", layers, (heads.QueryHeads + (2L * heads.KvHeads)) * dim, hidden, bias);
        AddLinear("attention output", layers, hidden, heads.QueryHeads * dim, bias && traits.HasAttentionOutputBias);
        if (traits.HasHeadNorms)
        {
            AddVector("norms of query heads", layers, traits.HeadNormsSpanHeads ? heads.QueryHeads * dim : dim);
            AddVector("norms of key heads", layers, traits.HeadNormsSpanHeads ? heads.KvHeads * dim : dim);
        }

        if (heads.Sinks)
        {
            AddVector("sinks", layers, heads.QueryHeads);
        }
    }

    private void AddFeedForward(long hidden, long layers)
    {
        bool bias = traits.HasBiases || config.FeedForwardBias;
        long up = traits.IsGated ? 2 : 1;
        string name = traits.IsGated ? "gate and up" : "up";
        ExpertsConfig? experts = config.Experts;
        long sparse = experts is null ? 0 : Enumerable.Range(0, (int)layers).LongCount(experts.Serve);
        if (sparse < layers)
        {
            AddLinear(name, layers - sparse, up * config.IntermediateSize, hidden, bias);
            AddLinear("down", layers - sparse, hidden, config.IntermediateSize, bias);
        }

        if (sparse == 0)
        {
            return;
        }

        AddLinear("router", sparse, experts!.Count, hidden, traits.HasExpertBiases || experts.Routing.Score == ExpertScore.BiasedSigmoid);
        AddLinear("experts' gate and up", sparse * experts.Count, 2L * experts.Width, hidden, traits.HasExpertBiases, WeightUse.Expert);
        AddLinear("experts' down", sparse * experts.Count, hidden, experts.Width, traits.HasExpertBiases, WeightUse.Expert);
        if (experts.SharedWidth > 0)
        {
            AddLinear("shared expert's gate and up", sparse, 2L * experts.SharedWidth, hidden, bias);
            AddLinear("shared expert's down", sparse, hidden, experts.SharedWidth, bias);
        }
    }

    private void AddNorms(long count, long width) => AddVector("norms", traits.HasBiases || config.NormBias ? 2 * count : count, width);

    private void AddLinear(string name, long count, long outputs, long inputs, bool bias, WeightUse use = WeightUse.Step)
    {
        Add(name, count, outputs, inputs, use);
        if (bias)
        {
            AddVector(name + ", biases", count, outputs, use);
        }
    }

    private void Add(string name, long count, long rows, long columns, WeightUse use) =>
        matrices.Add(new WeightMatrices(name, count, rows, columns, use) { Format = FormatOf(Modules.GetValueOrDefault(name, name)) });

    // What a checkpoint keeps in 16 bits or more in any case: embeddings, the head, routers; with MXFP4 all but experts.
    private WeightFormat FormatOf(string module)
    {
        WeightFormat plain = WeightFormat.Of(Type);
        bool outside = module is "model.embed_tokens" or "lm_head" or "mlp.gate" or "positions";
        return config.Quantization is not { } quantization || outside || !quantization.Converts("model.layers.0." + module) ? plain
            : quantization.Method == QuantizationMethod.Fp8Blocks ? WeightFormat.Fp8(quantization.BlockColumns)
            : module.Contains("experts.", StringComparison.Ordinal) ? WeightFormat.Mxfp4 : plain;
    }

    private static long Gcd(long a, long b) => b == 0 ? a : Gcd(b, a % b);

    private void AddVector(string name, long count, long length, WeightUse use = WeightUse.Step) =>
        matrices.Add(new WeightMatrices(name, count, 1, length, use) { AreVectors = true });
}
