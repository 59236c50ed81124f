namespace Kernels.Decoding;

/// <summary>What the weights of a family have that its configuration does not say.</summary>
internal sealed record ArchitectureTraits
{
    /// <summary>Whether feed-forward blocks are gated: two matrices up, not one.</summary>
    public bool IsGated { get; init; } = true;

    /// <summary>Norms of a layer, over the residual stream.</summary>
    public int NormsPerLayer { get; init; } = 2;

    /// <summary>Whether every linear layer but the head has a bias, and every norm a bias beside its weight.</summary>
    public bool HasBiases { get; init; }

    /// <summary>Whether routers and experts have biases.</summary>
    public bool HasExpertBiases { get; init; }

    /// <summary>Whether heads of queries and keys have norms.</summary>
    public bool HasHeadNorms { get; init; }

    /// <summary>Whether these norms are of all heads of a token together, not of each alone.</summary>
    public bool HeadNormsSpanHeads { get; init; }

    /// <summary>Whether the output projection of attention has a bias where queries, keys and values have them.</summary>
    public bool HasAttentionOutputBias { get; init; } = true;

    /// <summary>Whether the first layer lacks the norm before attention.</summary>
    public bool LacksFirstNorm { get; init; }

    /// <summary>Whether there is an output head.</summary>
    public bool HasHead { get; init; } = true;

    /// <summary>Whether there is a table of positions.</summary>
    public bool HasPositions { get; init; }

    /// <summary>Whether there is a norm behind the embedding.</summary>
    public bool HasEmbeddingNorm { get; init; }
}
