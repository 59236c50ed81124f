namespace Kernels.Decoding;

/// <summary>How the next token is drawn.</summary>
public sealed record SamplingOptions
{
    /// <summary>What logits are divided by; 0, the default, always takes the likeliest token.</summary>
    public double Temperature { get; init; }

    /// <summary>Only this many of the likeliest tokens may be drawn; null for all.</summary>
    public int? TopK { get; init; }

    /// <summary>Only the likeliest tokens that reach this probability together may be drawn, at least one; 1 for all.</summary>
    public double TopP { get; init; } = 1;

    /// <summary>The same seed draws the same tokens from the same logits; null for another one each time.</summary>
    public int? Seed { get; init; }
}

/// <summary>Draws tokens from logits, on the host. Not thread-safe.</summary>
public sealed class Sampler
{
    private readonly SamplingOptions options;
    private readonly Random random;

    // Kept from draw to draw.
    private double[] weights = [];
    private int[] tokens = [];

    /// <exception cref="ArgumentOutOfRangeException">An option is outside its range.</exception>
    public Sampler(SamplingOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        if (!(options.Temperature >= 0 && double.IsFinite(options.Temperature)))
        {
            throw new ArgumentOutOfRangeException(nameof(options), options.Temperature, "The temperature is not a number from 0.");
        }

        if (options.TopK is < 1)
        {
            throw new ArgumentOutOfRangeException(nameof(options), options.TopK, "Top-k is not a number from 1.");
        }

        if (!(options.TopP is > 0 and <= 1))
        {
            throw new ArgumentOutOfRangeException(nameof(options), options.TopP, "Top-p is not a probability over 0.");
        }

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

    /// <summary>Draws the next token.</summary>
    /// <param name="logits">One for each token of the vocabulary.</param>
    /// <exception cref="ArgumentException">There is no logit, or one is not a number.</exception>
    public int Next(ReadOnlySpan<float> logits)
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
        foreach (double weight in weights)
        {
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
            total += weights[candidates < taken ? tokens[^(candidates + 1)] : Take(candidates)];
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
