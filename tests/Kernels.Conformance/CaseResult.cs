namespace Kernels.Conformance;

/// <summary>What a case came to.</summary>
/// <param name="Case">The case.</param>
/// <param name="Failure">What was wrong, or null.</param>
/// <param name="Error">The largest error relative to what is allowed; at most 1 when the case passed.</param>
/// <param name="Rows">Rows that were compared.</param>
internal sealed record CaseResult(AttentionCase Case, string? Failure, double Error, int Rows)
{
    /// <summary>A case whose outputs were not even compared.</summary>
    public static CaseResult Failed(AttentionCase test, string failure) => new(test, failure, double.PositiveInfinity, 0);
}
