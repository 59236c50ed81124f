namespace Kernels.Decoding;

/// <summary>How a token's experts are chosen, by the largest scores, and weighted, by their scores.</summary>
internal sealed record RoutingConfig
{
    /// <summary>The most groups that a router can have.</summary>
    public const int MaxGroups = 64;

    /// <summary>The scores.</summary>
    public ExpertScore Score { get; init; }

    /// <summary>Groups of as many experts each, of which a token's experts are from the best; at most <see cref="MaxGroups"/>.</summary>
    /// <remarks>A group is as good as its best expert; with <see cref="ExpertScore.BiasedSigmoid"/> as the sum of its best two.</remarks>
    public int Groups { get; init; } = 1;

    /// <summary>Groups that a token's experts may be from.</summary>
    public int GroupsPerToken { get; init; } = 1;

    /// <summary>Whether the weights of a token's experts are divided by their sum.</summary>
    public bool Normalize { get; init; } = true;

    /// <summary>A factor on all weights.</summary>
    public double Scale { get; init; } = 1;
}
