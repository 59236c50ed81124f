namespace Kernels.Conformance;

/// <summary>One launch to test: a shape, and the lengths of each sequence of the batch.</summary>
/// <param name="Shape">What is computed.</param>
/// <param name="Lengths">(s_q, s_k) of each sequence.</param>
/// <param name="Seed">Where the random inputs start.</param>
/// <param name="PrefixLength">Keys that every query sees, where the mask has a prefix.</param>
/// <param name="LogitOffset">
/// Added to every logit of the case through its inputs; huge negative values test that only differences matter.
/// </param>
internal sealed record AttentionCase(
    AttentionShape Shape, IReadOnlyList<(int Queries, int Keys)> Lengths, int Seed, double LogitOffset = 0, int PrefixLength = 0)
{
    // Which axes of a bias are its own, not shared: consecutive seeds have every combination.
    public bool HasBiasOfRequest => (Seed & 1) == 0;

    public bool HasBiasOfHead => (Seed & 2) == 0;

    public bool HasBiasOfQuery => (Seed & 4) == 0;

    /// <summary>Whether queries, keys and values are numbers that every type of cache holds as they are.</summary>
    public bool HasExactInputs { get; init; }

    /// <summary>
    /// Whether all elements of queries and keys are near float16's largest, so that scores are far beyond it: those of some keys are equal,
    /// and the others' are so much lower that only these count.
    /// </summary>
    public bool HasHugeLogits { get; init; }

    /// <summary>Numbers that are not, among its inputs; null: none.</summary>
    public Poison? Poison { get; init; }

    /// <summary>Multiplications of all scores, roughly: rows × keys × dimension.</summary>
    public double Work => Lengths.Sum(pair => (double)pair.Queries * pair.Keys) * Shape.QueryHeads * Shape.HeadDim;

    public override string ToString() =>
        $"H {Shape.QueryHeads}/{Shape.KvHeads} d {Shape.HeadDim}/{Shape.ValueDim} {Shape.Mask} {Shape.Storage}"
        + (Shape.CacheStorage == Shape.Storage ? "" : $" cache {Shape.CacheStorage}")
        + $" {Shape.Layout} {string.Join(" ", Lengths.Take(4).Select(pair => $"({pair.Queries},{pair.Keys})"))}"
        + (Lengths.Count > 4 ? $" and {Lengths.Count - 4} more" : "")
        + ((Shape.WindowLeft, Shape.WindowRight) == (null, null) ? "" : $" window {Shape.WindowLeft ?? -1},{Shape.WindowRight ?? -1}")
        + (Shape.Softcap is null ? "" : $" softcap {Shape.Softcap}") + (Shape.Alibi ? " alibi" : "") + (Shape.Sinks ? " sinks" : "")
        + (Shape.Documents ? " documents" : "") + (Shape.KeyPadding ? " padding" : "")
        + (Shape.Bias
            ? $" bias{(HasBiasOfRequest ? " of request" : "")}{(HasBiasOfHead ? " of head" : "")}{(HasBiasOfQuery ? " of query" : "")}"
            : "")
        + (Shape.LatentCache ? " latent" : "")
        + (Shape.Rope == RopeStyle.None ? "" : $" rope {Shape.Rope} {Shape.RotaryDim}")
        + (PrefixLength == 0 ? "" : $" prefix {PrefixLength}") + (Shape.PageSize == 0 ? "" : $" page {Shape.PageSize}")
        + (LogitOffset == 0 ? "" : $" logits {LogitOffset}") + (HasHugeLogits ? " huge logits" : "") + (Poison is null ? "" : $" {Poison}");
}
