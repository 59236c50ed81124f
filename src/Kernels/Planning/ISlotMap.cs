namespace Kernels;

/// <summary>Tells in which slot of a cache a token lies.</summary>
public interface ISlotMap
{
    /// <summary>The slot of the token at <paramref name="position"/> of <paramref name="sequence"/>.</summary>
    int SlotOf(int sequence, int position);
}

/// <summary>Every sequence has room for <paramref name="capacity"/> tokens, one after the other.</summary>
/// <param name="capacity">Tokens that a sequence has room for.</param>
public readonly struct ContiguousSlots(int capacity) : ISlotMap
{
    /// <inheritdoc/>
    public int SlotOf(int sequence, int position) => (sequence * capacity) + position;
}
