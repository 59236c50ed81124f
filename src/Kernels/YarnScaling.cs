namespace Kernels;

/// <summary>The parameters of YaRN as model configs name them.</summary>
/// <param name="Factor">How many times as far as its original positions a model reaches.</param>
/// <param name="OriginalPositions">Positions that the model was trained on first.</param>
public sealed record YarnScaling(double Factor, int OriginalPositions)
{
    /// <summary>Pairs that turn more often than this over the original positions keep their frequency.</summary>
    public double BetaFast { get; init; } = 32;

    /// <summary>Pairs that turn less often than this have theirs divided by the factor.</summary>
    public double BetaSlow { get; init; } = 1;

    /// <summary>a in m(a), by which cosines and sines are multiplied.</summary>
    public double Mscale { get; init; } = 1;

    /// <summary>a in m(a), by which they are divided; 0, the default, divides by 1.</summary>
    public double MscaleAllDim { get; init; }

    /// <summary>Whether the bounds of the blend are rounded to whole pairs.</summary>
    public bool Truncate { get; init; } = true;

    /// <summary>m(a) = 0.1·a·ln(factor) + 1 for a factor above 1, else 1.</summary>
    public double Magnitude(double a) => Factor > 1 ? (0.1 * a * Math.Log(Factor)) + 1 : 1;
}
