namespace Kernels.Decoding;

/// <summary>The parameters of rotary position embedding (RoPE).</summary>
internal sealed record RopeConfig
{
    /// <summary>Dimensions of a head that are rotated, from its first; even.</summary>
    public required int RotaryDim { get; init; }

    /// <summary>The base of the geometric series of frequencies.</summary>
    public required double Theta { get; init; }

    /// <summary>How the frequencies are stretched.</summary>
    public RopeScaling Scaling { get; init; }

    /// <summary>By how much the context is stretched.</summary>
    public double Factor { get; init; } = 1;

    /// <summary>
    /// Positions before stretching (<see cref="RopeScaling.Llama3"/>, <see cref="RopeScaling.Yarn"/>, <see cref="RopeScaling.LongRope"/>,
    /// <see cref="RopeScaling.Dynamic"/>).
    /// </summary>
    public int OriginalPositions { get; init; }

    /// <summary>
    /// Positions after stretching, where the configuration tells them beside those that it gives the model; else 0
    /// (<see cref="RopeScaling.Linear"/>).
    /// </summary>
    public int StretchedPositions { get; init; }

    /// <summary>The factors of texts up to the original positions, one for each pair (<see cref="RopeScaling.LongRope"/>).</summary>
    public RopeFactors? ShortFactors { get; init; }

    /// <summary>The factors of longer texts (<see cref="RopeScaling.LongRope"/>).</summary>
    public RopeFactors? LongFactors { get; init; }

    /// <summary>Wavelengths longer than the original positions over this are stretched fully (<see cref="RopeScaling.Llama3"/>).</summary>
    public double LowFrequencyFactor { get; init; }

    /// <summary>Wavelengths shorter than the original positions over this are kept (<see cref="RopeScaling.Llama3"/>).</summary>
    public double HighFrequencyFactor { get; init; }

    /// <summary>Turns over the original positions from which a dimension is kept (<see cref="RopeScaling.Yarn"/>).</summary>
    public double BetaFast { get; init; } = 32;

    /// <summary>Turns over the original positions up to which a dimension is stretched fully (<see cref="RopeScaling.Yarn"/>).</summary>
    public double BetaSlow { get; init; } = 1;

    /// <summary>Whether the two bounds of the blend are rounded outwards to whole dimensions (<see cref="RopeScaling.Yarn"/>).</summary>
    public bool TruncateBounds { get; init; } = true;

    /// <summary>The factor on cosines and sines (<see cref="RopeScaling.Yarn"/>, <see cref="RopeScaling.LongRope"/>).</summary>
    public double AttentionFactor { get; init; } = 1;

    /// <summary>
    /// a in m(a) = 0.1·a·ln(factor) + 1, whose square is a factor on DeepSeek's scores; 0: m is 1 (<see cref="RopeScaling.Yarn"/>).
    /// </summary>
    public double MscaleAllDim { get; init; }

    /// <summary>The factor on the scores of a model that has one: m(<see cref="MscaleAllDim"/>)².</summary>
    public double ScoreFactor => Math.Pow(Magnitude(Factor, MscaleAllDim), 2);

    /// <summary>
    /// Reads the block <c>rope_parameters</c> that newer configurations have, for all layers or for each type of them, or else
    /// the keys <c>rope_theta</c> and <c>rope_scaling</c> of older ones.
    /// </summary>
    /// <param name="config">The model's configuration.</param>
    /// <param name="headDim">Elements of a head.</param>
    /// <param name="maxPositions">Positions of the model.</param>
    /// <param name="layerType">The type of the layer, of <see cref="LayerTypes"/>.</param>
    /// <param name="thetaKey">The older key of the base.</param>
    /// <param name="partialKey">The older key of the part of a head that turns.</param>
    /// <param name="isScaled">Whether the older key <c>rope_scaling</c> is for this layer.</param>
    /// <exception cref="CheckpointException">A key is missing or wrong, or the kind of rope is not supported.</exception>
    public static RopeConfig Read(
        ConfigReader config, int headDim, int maxPositions, string layerType, string thetaKey = "rope_theta",
        string partialKey = "partial_rotary_factor",
        bool isScaled = true)
    {
        ConfigReader? parameters = config.OptionalObject("rope_parameters");
        if (parameters is not null && (parameters.Has(LayerTypes.Full) || parameters.Has(LayerTypes.Sliding)))
        {
            parameters = parameters.Object(layerType);
        }

        parameters ??= isScaled ? config.OptionalObject("rope_scaling") : null;
        double partial = parameters?.OptionalPositive("partial_rotary_factor") ?? config.OptionalPositive(partialKey) ?? 1;
        int rotaryDim = (int)(headDim * partial);
        if (partial > 1 || rotaryDim < 2 || rotaryDim % 2 != 0)
        {
            throw new CheckpointException(
                config.Path, $"rotates {rotaryDim} of the {headDim} dimensions of a head; expected an even number from 2 to {headDim}");
        }

        var rope = new RopeConfig
        {
            RotaryDim = rotaryDim,

            // Configurations older than the key mean the constant of the RoPE paper.
            Theta = parameters?.OptionalPositive("rope_theta") ?? config.OptionalPositive(thetaKey) ?? 10000,
        };
        if (parameters is null)
        {
            return rope;
        }

        string key = parameters.Has("rope_type") ? "rope_type" : "type";
        switch (parameters.OptionalText(key) ?? "default")
        {
            case "default":
                return rope;
            case "linear":
                return ReadLinear(rope, parameters, config);
            case "dynamic":
                return rope with
                {
                    Scaling = RopeScaling.Dynamic,
                    Factor = parameters.Positive("factor"),
                    OriginalPositions = parameters.OptionalCount("original_max_position_embeddings") ?? maxPositions,
                };
            case "llama3":
                rope = rope with
                {
                    Scaling = RopeScaling.Llama3,
                    Factor = parameters.Positive("factor"),
                    OriginalPositions = parameters.Count("original_max_position_embeddings"),
                    LowFrequencyFactor = parameters.Positive("low_freq_factor"),
                    HighFrequencyFactor = parameters.Positive("high_freq_factor"),
                };
                return rope.HighFrequencyFactor > rope.LowFrequencyFactor
                    ? rope
                    : throw parameters.Unsupported("high_freq_factor", $"more than low_freq_factor, {rope.LowFrequencyFactor}");
            case "yarn":
                return ReadYarn(rope, parameters, maxPositions);

            // The first files of Phi-3 have the older name.
            case "longrope" or "su":
                return ReadLongRope(rope, parameters, config, maxPositions);
            default:
                throw parameters.Unsupported(key, "default, linear, dynamic, llama3, yarn, longrope");
        }
    }

    /// <summary>The positions of a model with this rope whose configuration gives a number of them.</summary>
    /// <remarks>
    /// <c>max_position_embeddings</c> is what the model was trained for with its stretched rope, so it is not multiplied by the factor:
    /// deepseek-coder-6.7b has 16,384 with a factor of 4. Only YaRN is turned on by hand for models that were trained for less, whose
    /// original positions the rope then tells: Qwen2.5 has 32,768 with a factor of 4, and so 131,072.
    /// </remarks>
    public int Stretch(int maxPositions) => Scaling switch
    {
        RopeScaling.Linear => Math.Max(maxPositions, StretchedPositions),
        RopeScaling.Yarn => Math.Max(maxPositions, (int)Math.Min(OriginalPositions * Factor, int.MaxValue)),
        RopeScaling.Dynamic => Math.Min(maxPositions, OriginalPositions),
        _ => maxPositions,
    };

    // A rope that tells the positions before stretching, and the key of files of longer Vicunas, tell those after it.
    private static RopeConfig ReadLinear(RopeConfig rope, ConfigReader parameters, ConfigReader config)
    {
        double factor = parameters.Positive("factor");
        double stretched = Math.Min((parameters.OptionalCount("original_max_position_embeddings") ?? 0) * factor, int.MaxValue);
        return rope with
        {
            Scaling = RopeScaling.Linear,
            Factor = factor,
            StretchedPositions = Math.Max((int)stretched, config.OptionalCount("max_sequence_length") ?? 0),
        };
    }

    private static RopeConfig ReadLongRope(RopeConfig rope, ConfigReader parameters, ConfigReader config, int maxPositions)
    {
        ConfigReader owner = parameters.Has("original_max_position_embeddings") ? parameters : config;
        int original = owner.OptionalCount("original_max_position_embeddings") ?? maxPositions;
        double factor = parameters.OptionalPositive("factor") ?? (double)maxPositions / original;
        if (original < 2)
        {
            throw owner.Unsupported("original_max_position_embeddings", "2 or more");
        }

        return rope with
        {
            Scaling = RopeScaling.LongRope,
            Factor = factor,
            OriginalPositions = original,
            ShortFactors = Factors("short_factor"),
            LongFactors = Factors("long_factor"),
            AttentionFactor = parameters.OptionalPositive("attention_factor")
                ?? (factor <= 1 ? 1 : Math.Sqrt(1 + (Math.Log(factor) / Math.Log(original)))),
        };

        RopeFactors Factors(string key)
        {
            double[] factors = parameters.Positives(key);
            return factors.Length == rope.RotaryDim / 2
                ? new RopeFactors([.. factors])
                : throw parameters.Unsupported(key, $"{rope.RotaryDim / 2} factors, one for each pair of elements that turn");
        }
    }

    private static RopeConfig ReadYarn(RopeConfig rope, ConfigReader parameters, int maxPositions)
    {
        int original = parameters.OptionalCount("original_max_position_embeddings") ?? maxPositions;
        double factor = parameters.OptionalPositive("factor") ?? (double)maxPositions / original;
        double? mscale = parameters.OptionalPositive("mscale");
        double? mscaleAllDim = parameters.OptionalPositive("mscale_all_dim");
        return rope with
        {
            Scaling = RopeScaling.Yarn,
            Factor = factor,
            OriginalPositions = original,
            BetaFast = parameters.OptionalPositive("beta_fast") ?? 32,
            BetaSlow = parameters.OptionalPositive("beta_slow") ?? 1,
            TruncateBounds = parameters.Flag("truncate", true),
            AttentionFactor = parameters.OptionalPositive("attention_factor")
                ?? (mscale is { } m && mscaleAllDim is { } all ? Magnitude(factor, m) / Magnitude(factor, all) : Magnitude(factor, 1)),
            MscaleAllDim = mscaleAllDim ?? 0,
        };
    }

    private static double Magnitude(double factor, double scale) => factor <= 1 ? 1 : (0.1 * scale * Math.Log(factor)) + 1;
}
