using System.Collections.Immutable;

namespace Kernels.Decoding;

/// <summary>
/// How the next token is drawn. Logits pass, in this order: the repetition penalty, the frequency and presence penalties, the biases, a
/// request's <see cref="ITokenMask"/>, the temperature, top-k, top-p and min-p.
/// </summary>
public sealed record SamplingOptions
{
    /// <summary>What logits are divided by; 0, the default, always takes the likeliest token.</summary>
    public double Temperature { get; init; }

    /// <summary>Only this many of the likeliest tokens may be drawn; null for all.</summary>
    public int? TopK { get; init; }

    /// <summary>Only the likeliest tokens that reach this probability together may be drawn, at least one; 1 for all.</summary>
    public double TopP { get; init; } = 1;

    /// <summary>Only tokens of at least this part of the likeliest one's probability may be drawn, from 0 (all) to 1.</summary>
    public double MinP { get; init; }

    /// <summary>What is taken from a token's logit for each time that it was generated, from −2 to 2.</summary>
    public double FrequencyPenalty { get; init; }

    /// <summary>What is taken from a token's logit once it was generated, from −2 to 2.</summary>
    public double PresencePenalty { get; init; }

    /// <summary>
    /// What a positive logit is divided by, and a negative one multiplied with, for tokens of the prompt and generated ones; 1 for nothing.
    /// </summary>
    public double RepetitionPenalty { get; init; } = 1;

    /// <summary>What is added to the logits of tokens, by their ids.</summary>
    public ImmutableDictionary<int, double> LogitBias { get; init; } = ImmutableDictionary<int, double>.Empty;

    /// <summary>The same seed draws the same tokens from the same logits; null for another one each time.</summary>
    public int? Seed { get; init; }

    /// <summary>Whether logits are changed before a token is drawn.</summary>
    internal bool ChangesLogits => FrequencyPenalty != 0 || PresencePenalty != 0 || RepetitionPenalty != 1 || !LogitBias.IsEmpty;

    /// <exception cref="ArgumentOutOfRangeException">An option is outside its range.</exception>
    internal void Check()
    {
        Check(Temperature >= 0 && double.IsFinite(Temperature), Temperature, "The temperature is not a number from 0.");
        Check(TopK is null or >= 1, TopK, "Top-k is not a number from 1.");
        Check(TopP is > 0 and <= 1, TopP, "Top-p is not a probability over 0.");
        Check(MinP is >= 0 and <= 1, MinP, "Min-p is not a number from 0 to 1.");
        Check(FrequencyPenalty is >= -2 and <= 2, FrequencyPenalty, "The frequency penalty is not a number from -2 to 2.");
        Check(PresencePenalty is >= -2 and <= 2, PresencePenalty, "The presence penalty is not a number from -2 to 2.");
        Check(
            RepetitionPenalty > 0 && double.IsFinite(RepetitionPenalty), RepetitionPenalty,
            "The repetition penalty is not a number over 0.");
        Check(LogitBias is not null && LogitBias.Values.All(double.IsFinite), LogitBias, "A bias is not a finite number.");

        static void Check(bool allowed, object? value, string message)
        {
            if (!allowed)
            {
                throw new ArgumentOutOfRangeException("options", value, message);
            }
        }
    }
}
