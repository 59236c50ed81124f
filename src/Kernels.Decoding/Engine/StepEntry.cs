namespace Kernels.Decoding;

/// <summary>A sequence of a step.</summary>
/// <param name="Sequence">The sequence.</param>
/// <param name="Planned">Its known tokens that the step runs; a token that only the device knows counts as known.</param>
/// <param name="Rows">The rows of its logits: one after its last known token and one after each guess, or none.</param>
internal readonly record struct StepEntry(EngineSequence Sequence, int Planned, Range Rows)
{
    /// <summary>Whether the step gives it a token.</summary>
    public bool HasRows => Rows.Start.Value < Rows.End.Value;

    /// <summary>Whether its tokens are drawn on the host in any case.</summary>
    public bool DrawsOnHost => Rows.End.Value > Rows.Start.Value + 1 && Sequence.DrawsGuessesOnHost;
}
