namespace Kernels.Planning;

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
            nameof(sequence), sequence,
            $"The token at {position} has slot {slot} in a cache of {capacity} tokens a sequence; slots end at {int.MaxValue}.");
    }

    /// <inheritdoc/>
    public ReadOnlySpan<int> GetPages(SequenceHandle sequence) => [];
}
