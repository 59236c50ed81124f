namespace Kernels.Decoding;

/// <summary>Draws the tokens of one text from logits, on the host. Not thread-safe.</summary>
public sealed class Sampler
{
    // 2³²: the device takes probabilities as 32-bit fractions.
    private const double Fractions = 4294967296.0;

    private readonly SamplingOptions options;
    private readonly Random random;

    // Kept from draw to draw.
    private double[] weights = [];
    private int[] tokens = [];
    private float[] changed = [];

    // Times that a token was generated, and tokens of the prompt; only where penalties ask for them.
    private readonly Dictionary<int, int> generated = [];
    private readonly HashSet<int> known = [];

    /// <exception cref="ArgumentOutOfRangeException">An option is outside its range.</exception>
    public Sampler(SamplingOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Check();
        this.options = options;
        random = options.Seed is { } seed ? new Random(seed) : new Random();
    }

    /// <summary>The token of the greatest logit; the first of equals.</summary>
    /// <exception cref="ArgumentException">There is no logit, or one is not a number.</exception>
    public static int Greedy(ReadOnlySpan<float> logits)
    {
        int best = 0;
        for (int token = 0; token < logits.Length; token++)
        {
            if (float.IsNaN(logits[token]))
            {
                throw new ArgumentException($"The logit of token {token} is not a number.", nameof(logits));
            }

            if (logits[token] > logits[best])
            {
                best = token;
            }
        }

        return logits.IsEmpty ? throw new ArgumentException("There are no logits.", nameof(logits)) : best;
    }

    /// <summary>Takes the tokens of the prompt, which the repetition penalty counts.</summary>
    public void Begin(ReadOnlySpan<int> prompt)
    {
        if (options.RepetitionPenalty != 1)
        {
            foreach (int token in prompt)
            {
                known.Add(token);
            }
        }
    }

    /// <summary>Takes a token that the text goes on with, which penalties count.</summary>
    public void Accept(int token)
    {
        if (options.ChangesLogits)
        {
            generated[token] = generated.GetValueOrDefault(token) + 1;
            known.Add(token);
        }
    }

    /// <summary>Draws the next token.</summary>
    /// <param name="logits">One for each token of the vocabulary.</param>
    /// <exception cref="ArgumentException">There is no logit, or one is not a number.</exception>
    public int Next(ReadOnlySpan<float> logits) => Draw(options.ChangesLogits ? Change(logits) : logits);

    /// <summary>Draws the next token among some.</summary>
    /// <param name="logits">One for each token of the vocabulary.</param>
    /// <param name="allowed">The tokens, bit t % 64 of word t / 64; tokens beyond its end are not allowed.</param>
    /// <param name="ends">Further tokens.</param>
    /// <exception cref="ArgumentException">There is no logit, one is not a number, or no token is allowed.</exception>
    public int Next(ReadOnlySpan<float> logits, ReadOnlySpan<ulong> allowed, ReadOnlySpan<int> ends)
    {
        Span<float> masked = Change(logits);
        int left = 0;
        for (int token = 0; token < masked.Length; token++)
        {
            int word = token >> 6;
            if ((word < allowed.Length && (allowed[word] >> (token & 63) & 1) != 0) || ends.Contains(token))
            {
                left++;
            }
            else if (!float.IsNaN(masked[token]))
            {
                masked[token] = float.NegativeInfinity;
            }
        }

        if (left == 0)
        {
            throw new ArgumentException("None of the vocabulary's tokens may come next.", nameof(allowed));
        }

        int drawn = Draw(masked);
        return (drawn >> 6 < allowed.Length && (allowed[drawn >> 6] >> (drawn & 63) & 1) != 0) || ends.Contains(drawn)
            ? drawn
            : throw new ArgumentException("The logits of all tokens that may come next are infinitely small.", nameof(logits));
    }

    /// <summary>Whether draws do not depend on the tokens that were drawn before.</summary>
    internal bool IsAheadOfTokens => !options.ChangesLogits;

    /// <summary>A token that was drawn on the device.</summary>
    /// <exception cref="ArgumentException">A logit is not a number.</exception>
    internal static int Checked(int drawn) => drawn switch
    {
        DrawnTokens.NotANumber => throw new ArgumentException("A logit is not a number."),
        DrawnTokens.AllImpossible => 0,
        _ => drawn,
    };

    /// <summary>The next token's draw, for the device to carry out.</summary>
    internal TokenDraw NextDraw() => options.Temperature == 0
        ? TokenDraw.Greedy
        : new(
            (float)Math.Clamp(1 / options.Temperature, 1e-37, 1e37), options.TopK ?? 0, options.TopP < 1
                ? (uint)Math.Max(1, options.TopP * Fractions) : 0,
            (float)options.MinP, (uint)(random.NextDouble() * Fractions));

    /// <summary>What penalties and biases do to the logits of the next token, for the device to carry out.</summary>
    internal void CollectChanges(int row, List<LogitChange> changes)
    {
        if (!options.ChangesLogits)
        {
            return;
        }

        bool repeats = options.RepetitionPenalty != 1;
        foreach (int token in known)
        {
            if (repeats || generated.ContainsKey(token))
            {
                double bias = generated.TryGetValue(token, out int count)
                    ? -((options.FrequencyPenalty * count) + options.PresencePenalty) : 0;
                changes.Add(new(row, token, (float)options.RepetitionPenalty, (float)(bias + options.LogitBias.GetValueOrDefault(token))));
            }
        }

        foreach ((int token, double bias) in options.LogitBias)
        {
            if (!known.Contains(token))
            {
                changes.Add(new(row, token, 1, (float)bias));
            }
        }
    }

    private Span<float> Change(ReadOnlySpan<float> logits)
    {
        if (changed.Length != logits.Length)
        {
            changed = new float[logits.Length];
        }

        logits.CopyTo(changed);
        if (options.RepetitionPenalty != 1)
        {
            foreach (int token in known)
            {
                if (token < changed.Length)
                {
                    changed[token] =
                        (float)(changed[token] > 0
                            ? changed[token] / options.RepetitionPenalty : changed[token] * options.RepetitionPenalty);
                }
            }
        }

        if (options.FrequencyPenalty != 0 || options.PresencePenalty != 0)
        {
            foreach ((int token, int count) in generated)
            {
                changed[token] -= (float)((options.FrequencyPenalty * count) + options.PresencePenalty);
            }
        }

        foreach ((int token, double bias) in options.LogitBias)
        {
            if ((uint)token < (uint)changed.Length)
            {
                changed[token] += (float)bias;
            }
        }

        return changed;
    }

    private int Draw(ReadOnlySpan<float> logits)
    {
        int likeliest = Greedy(logits);
        if (options.Temperature == 0)
        {
            return likeliest;
        }

        // Relative to the likeliest token's, so that none overflows.
        if (tokens.Length != logits.Length)
        {
            weights = new double[logits.Length];
            tokens = new int[logits.Length];
        }

        for (int i = 0; i < weights.Length; i++)
        {
            weights[i] = Math.Exp((logits[i] - (double)logits[likeliest]) / options.Temperature);
        }

        return options.TopK is null && options.TopP == 1 ? DrawFromAll(likeliest) : DrawFromLikeliest(likeliest);
    }

    private int DrawFromAll(int likeliest)
    {
        double total = 0;
        foreach (ref double weight in weights.AsSpan())
        {
            // The likeliest token's weight is 1.
            weight = weight >= options.MinP ? weight : 0;
            total += weight;
        }

        double rest = random.NextDouble() * total;
        for (int token = 0; token < weights.Length; token++)
        {
            rest -= weights[token];
            if (rest < 0)
            {
                return token;
            }
        }

        // Rounding may leave a crumb over.
        return likeliest;
    }

    // Few of many tokens can be drawn, so they are taken off a heap instead of sorting all: the nth likeliest goes to the nth place
    // from the end.
    private int DrawFromLikeliest(int likeliest)
    {
        double all = 0;
        for (int i = 0; i < tokens.Length; i++)
        {
            tokens[i] = i;
            all += weights[i];
        }

        for (int i = (tokens.Length / 2) - 1; i >= 0; i--)
        {
            Sink(i, tokens.Length);
        }

        int most = Math.Min(tokens.Length, options.TopK ?? tokens.Length);
        int taken = 0;
        double total = 0;
        if (options.TopK is not null && options.TopP < 1)
        {
            // The probability to be reached is one among the likeliest K.
            all = 0;
            for (; taken < most; taken++)
            {
                all += weights[Take(taken)];
            }
        }

        int candidates = 0;
        for (; candidates < most && (options.TopP == 1 || total < options.TopP * all); candidates++)
        {
            double weight = weights[candidates < taken ? tokens[^(candidates + 1)] : Take(candidates)];
            if (weight < options.MinP)
            {
                break;
            }

            total += weight;
        }

        double rest = random.NextDouble() * total;
        for (int i = 0; i < candidates; i++)
        {
            int token = tokens[^(i + 1)];
            rest -= weights[token];
            if (rest < 0)
            {
                return token;
            }
        }

        return likeliest;
    }

    private int Take(int taken)
    {
        int last = tokens.Length - 1 - taken;
        (tokens[0], tokens[last]) = (tokens[last], tokens[0]);
        Sink(0, last);
        return tokens[last];
    }

    private void Sink(int parent, int count)
    {
        for (int child; (child = (2 * parent) + 1) < count; parent = child)
        {
            if (child + 1 < count && IsBefore(tokens[child + 1], tokens[child]))
            {
                child++;
            }

            if (!IsBefore(tokens[child], tokens[parent]))
            {
                return;
            }

            (tokens[parent], tokens[child]) = (tokens[child], tokens[parent]);
        }
    }

    // Likeliest first; among equals the lower token first, so that draws do not depend on how the heap is built.
    private bool IsBefore(int a, int b) => weights[a] > weights[b] || (weights[a] == weights[b] && a < b);
}
