namespace Kernels.Planning;

/// <summary>Tells a plan where the tokens of a cache lie.</summary>
public interface ISlotMap
{
    /// <summary>
    /// The slot of the token at <paramref name="position"/> of <paramref name="sequence"/>: page × page size + place in the page, or the
    /// sequence's place × capacity + position.
    /// </summary>
    int GetSlot(SequenceHandle sequence, int position);

    /// <summary>The pages of a sequence in order, at least as many as its tokens take; empty for a contiguous cache.</summary>
    ReadOnlySpan<int> GetPages(SequenceHandle sequence);
}
