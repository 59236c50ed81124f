namespace Kernels.Conformance;

/// <summary>One launch to test: a shape, and the lengths of each sequence of the batch.</summary>
/// <param name="Shape">What is computed.</param>
/// <param name="Lengths">(s_q, s_k) of each sequence.</param>
/// <param name="Seed">Where the random inputs start.</param>
/// <param name="LogitOffset">Added to every logit of the case through its inputs; huge negative values test that only differences matter.</param>
internal sealed record AttentionCase(AttentionShape Shape, IReadOnlyList<(int Queries, int Keys)> Lengths, int Seed, double LogitOffset = 0)
{
    public override string ToString() =>
        $"H {Shape.QueryHeads}/{Shape.KvHeads} d {Shape.HeadDim}/{Shape.ValueDim} {Shape.Mask} {Shape.Storage}"
        + (Shape.CacheStorage == Shape.Storage ? "" : $" cache {Shape.CacheStorage}")
        + $" {Shape.Layout} {string.Join(" ", Lengths.Take(4).Select(pair => $"({pair.Queries},{pair.Keys})"))}"
        + (Lengths.Count > 4 ? $" and {Lengths.Count - 4} more" : "")
        + (LogitOffset == 0 ? "" : $" logits {LogitOffset}");
}

/// <summary>What a case came to.</summary>
/// <param name="Case">The case.</param>
/// <param name="Failure">What was wrong, or null.</param>
/// <param name="Error">The largest error relative to what is allowed; at most 1 when the case passed.</param>
/// <param name="Rows">Rows that were compared.</param>
internal sealed record CaseResult(AttentionCase Case, string? Failure, double Error, int Rows);
