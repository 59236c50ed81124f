namespace Kernels;

/// <summary>Tells a plan where the tokens of a cache lie.</summary>
public interface ISlotMap
{
    /// <summary>The slot of the token at <paramref name="position"/> of <paramref name="sequence"/>: page × page size + place in the page, or the sequence's place × capacity + position.</summary>
    int GetSlot(SequenceHandle sequence, int position);

    /// <summary>The pages of a sequence in order, at least as many as its tokens take; empty for a contiguous cache.</summary>
    ReadOnlySpan<int> GetPages(SequenceHandle sequence);
}

/// <summary>Every sequence has room for <paramref name="capacity"/> tokens, one after the other.</summary>
/// <param name="capacity">Tokens that a sequence has room for.</param>
public readonly struct ContiguousSlots(int capacity) : ISlotMap
{
    /// <inheritdoc/>
    /// <exception cref="ArgumentOutOfRangeException">The slot is past those that an int can number.</exception>
    public int GetSlot(SequenceHandle sequence, int position)
    {
        long slot = ((long)sequence.Index * capacity) + position;
        return slot <= int.MaxValue ? (int)slot : throw new ArgumentOutOfRangeException(
            nameof(sequence), sequence, $"The token at {position} has slot {slot} in a cache of {capacity} tokens a sequence; slots end at {int.MaxValue}.");
    }

    /// <inheritdoc/>
    public ReadOnlySpan<int> GetPages(SequenceHandle sequence) => [];
}
