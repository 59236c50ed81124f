namespace Decoders;

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

        for (int i = 0; i < tokens.Length; i++)
        {
            tokens[i] = i;
            weights[i] = Math.Exp((logits[i] - (double)logits[likeliest]) / options.Temperature);
        }

        int candidates = tokens.Length;
        if (options.TopK is not null || options.TopP < 1)
        {
            // Likeliest first; among equals the lower token first, so that the order does not depend on the sort.
            Array.Sort(tokens, (a, b) => weights[a] != weights[b] ? weights[b].CompareTo(weights[a]) : a.CompareTo(b));
            candidates = Math.Min(candidates, options.TopK ?? candidates);
        }

        double total = 0;
        for (int i = 0; i < candidates; i++)
        {
            total += weights[tokens[i]];
        }

        if (options.TopP < 1)
        {
            double wanted = options.TopP * total;
            int kept = 0;
            for (total = 0; kept < candidates && total < wanted; kept++)
            {
                total += weights[tokens[kept]];
            }

            candidates = kept;
        }

        double rest = random.NextDouble() * total;
        for (int i = 0; i < candidates; i++)
        {
            rest -= weights[tokens[i]];
            if (rest < 0)
            {
                return tokens[i];
            }
        }

        // Rounding may leave a crumb over.
        return likeliest;
    }
}
