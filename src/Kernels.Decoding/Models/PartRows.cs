namespace Kernels.Decoding;

/// <summary>Some rows of a stored matrix.</summary>
/// <param name="Rows">The matrix.</param>
/// <param name="First">The first row that is taken.</param>
/// <param name="Count">The rows that are taken.</param>
internal sealed record PartRows(WeightRows Rows, long First, int Count)
{
    /// <summary>The tensor, for messages.</summary>
    public string Name { get; init; } = string.Empty;
}
