namespace Kernels.Decoding;

/// <summary>How a decoder did on a prompt.</summary>
/// <param name="Prompt">The prompt.</param>
/// <param name="Form">In which steps it was run.</param>
/// <param name="MaxDifference">The largest absolute difference from the reference's logits; null if it has none.</param>
/// <param name="GreedyCompared">Tokens of the continuation that were compared: all, or as many as the context has room for.</param>
/// <param name="GreedyAgreed">How many of them agreed, from the first on.</param>
/// <param name="TextAgreed">Whether the text of the continuation is the reference's; null if it has none.</param>
internal sealed record PromptResult(
    ReferencePrompt Prompt, PromptForm Form, double? MaxDifference, int GreedyCompared, int GreedyAgreed, bool? TextAgreed = null)
{
    /// <summary>The largest difference of logits that passes where attention is in float32.</summary>
    public const double Float32Tolerance = 2e-3;

    /// <summary>The largest difference of logits that passes; see <see cref="ToleranceOf"/>.</summary>
    public double Tolerance { get; init; } = Float32Tolerance;

    /// <summary>Tokens of the prompt, one logit of which differs by more than the tolerance.</summary>
    public int RowsBeyond { get; init; }

    /// <summary>
    /// How many of these pass: none, but with attention in 16 bits one in eight of a mixture of experts, whose router gives a token to
    /// another expert where rounding turns two that score alike.
    /// </summary>
    public int RowsAllowed { get; init; }

    /// <summary>
    /// Tokens of the continuation, of those that agreed, that differ where two logits are closer than the tolerance tells apart.
    /// </summary>
    public int Ties { get; init; }

    /// <summary>
    /// The largest difference of logits that passes: 2e-3, and where attention keeps queries, keys, values and outputs in 16 bits
    /// 16·u·σ·√layers more, with the type's unit roundoff u, 2⁻¹¹ or 2⁻⁸, and the standard deviation σ of the logits. Each layer adds an
    /// error of about u of what it gives, errors of layers add up as if by chance, and the largest of thousands is some times the usual
    /// one. Weights do not count, in how few bits they may be: the reference has the same ones.
    /// </summary>
    /// <param name="attention">The type that attention keeps numbers in.</param>
    /// <param name="layers">Layers.</param>
    /// <param name="deviation">σ.</param>
    public static double ToleranceOf(ElementType attention, int layers, double deviation) => Float32Tolerance + (attention switch
    {
        ElementType.Float16 => 16 * Math.Pow(2, -11) * deviation * Math.Sqrt(layers),
        ElementType.BFloat16 => 16 * Math.Pow(2, -8) * deviation * Math.Sqrt(layers),
        _ => 0,
    });

    /// <summary>Whether logits, tokens and text are the reference's. A difference that is not a number does not pass.</summary>
    public bool Passed =>
        (MaxDifference is null || MaxDifference <= Tolerance || (double.IsFinite(MaxDifference.Value) && RowsBeyond <= RowsAllowed))
        && GreedyAgreed == GreedyCompared && TextAgreed is not false;
}
