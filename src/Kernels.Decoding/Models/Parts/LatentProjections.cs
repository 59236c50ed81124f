namespace Kernels.Decoding;

/// <summary>The projections of latent attention.</summary>
/// <param name="QueryRows">hidden → the rows that queries come from, and their norm; null where they come from the residual stream.</param>
/// <param name="Queries">These rows → queries, [H, rope | nope].</param>
/// <param name="Rows">hidden → latent rows, [latent | rope].</param>
/// <param name="RowNorm">The norm of the latents.</param>
/// <param name="ExpandKeys">W_UK as a layer: latents → [H, nope].</param>
/// <param name="LatentToKeys">W_UK by heads: [H · nope, rank].</param>
/// <param name="LatentToValues">W_UV, each head's transposed: [H · rank, value].</param>
/// <param name="Output">[H, value] → hidden.</param>
internal sealed record LatentProjections(
    (Linear Projection, RmsNorm Norm)? QueryRows, Linear Queries, Linear Rows, RmsNorm RowNorm, Linear ExpandKeys,
    WeightMatrix LatentToKeys, WeightMatrix LatentToValues, Linear Output);
