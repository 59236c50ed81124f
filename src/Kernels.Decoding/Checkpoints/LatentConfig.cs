
namespace Kernels.Decoding;

/// <summary>
/// Multi-head latent attention (MLA): the keys and values of all heads come from one latent row a token, and all heads share the
/// part of the keys that carries positions.
/// </summary>
/// <param name="Heads">Heads, H.</param>
/// <param name="Rank">Elements of a latent row.</param>
/// <param name="NopeDim">Elements of a head of queries and keys that come from the latent row and do not turn.</param>
/// <param name="RopeDim">Elements that turn.</param>
/// <param name="ValueDim">Elements of a head of values.</param>
internal sealed record LatentConfig(int Heads, int Rank, int NopeDim, int RopeDim, int ValueDim)
{
    /// <summary>Elements of the row that queries come from; null where they come from the residual stream.</summary>
    public int? QueryRank { get; init; }

    /// <summary>The factor on q·k.</summary>
    public required double Scale { get; init; }

    /// <summary>Which elements turn together.</summary>
    public required RopeStyle Rope { get; init; }

    /// <summary>Elements of a head of queries and keys.</summary>
    public int HeadDim => NopeDim + RopeDim;

    /// <summary>Elements that a token has in a cache of latents.</summary>
    public int LatentWidth => Rank + RopeDim;

    /// <summary>Attention over latents: queries have absorbed what makes keys of latents, and outputs are latents.</summary>
    public AttentionGeometry Absorbed => new(Heads, 1, LatentWidth)
    {
        ValueDim = Rank,
        LatentCache = true,
        Scale = Scale,
        Rope = Rope,
        RotaryDim = RopeDim,
    };

    /// <summary>Attention over the keys and values of each head. A head's elements that turn come first.</summary>
    public AttentionGeometry Expanded => new(Heads, Heads, HeadDim)
    {
        ValueDim = ValueDim,
        Scale = Scale,
        Rope = Rope,
        RotaryDim = RopeDim,
    };

    /// <summary>
    /// Whether new tokens attend with fewer multiplications over the keys and values that their whole context's latents are made into
    /// than over the latents. For a token itself, making its query a latent one and its output one of values costs what expanding its
    /// row does; so expanding costs rank · (nope + value) for each token before, and saves 2 · rank − nope − value for each pair of
    /// query and key.
    /// </summary>
    /// <param name="queries">New tokens of a sequence; one alone has no keys to save on.</param>
    /// <param name="context">Tokens before them.</param>
    public bool ExpandingPays(int queries, int context)
    {
        double pairs = ((double)queries * context) + (0.5 * queries * (queries + 1.0));
        return queries > 1 && pairs * ((2.0 * Rank) - NopeDim - ValueDim) >= (double)context * Rank * (NopeDim + ValueDim);
    }
}
