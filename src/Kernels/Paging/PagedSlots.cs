using Kernels.Planning;

namespace Kernels;

/// <summary>Tokens lie where the pages of a pool are: slot = page × page size + offset.</summary>
/// <param name="pool">The pool.</param>
public readonly struct PagedSlots(PagePool pool) : ISlotMap
{
    /// <summary>
    /// The slot in which to write a token; −1, skip, for a token in a published page, which is there already and which others may be
    /// reading.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no such sequence, or it has no such token.</exception>
    /// <exception cref="InvalidOperationException">The sequence is swapped out.</exception>
    public int GetSlot(SequenceHandle sequence, int position) => pool.WriteSlotOf(sequence, position);

    /// <inheritdoc cref="PagePool.GetPages"/>
    public ReadOnlySpan<int> GetPages(SequenceHandle sequence) => pool.GetPages(sequence);
}
