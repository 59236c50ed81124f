namespace Kernels;

/// <summary>The numbers under which contents of pages are kept outside the pool, and for how many swapped-out sequences.</summary>
internal sealed class SavedPages
{
    private readonly Stack<int> free = new();
    private Saved[] slots = [];
    private int touched;

    /// <summary>Slots in use.</summary>
    public int Count => touched - free.Count;

    /// <summary>A slot, without holders, for the contents of a page.</summary>
    /// <param name="page">The page.</param>
    /// <param name="serial">The page's registration; 0 when it has none.</param>
    public int Take(int page, long serial)
    {
        if (!free.TryPop(out int slot))
        {
            if (touched == slots.Length)
            {
                Array.Resize(ref slots, Math.Max(16, 2 * slots.Length));
            }

            // Giving slots back must not need memory.
            free.EnsureCapacity(slots.Length);
            slot = touched++;
        }

        slots[slot] = new Saved { Page = page, Serial = serial };
        return slot;
    }

    /// <summary>Gives a slot back that got no holder.</summary>
    public void Return(int slot) => free.Push(slot);

    public void Hold(int slot) => slots[slot].Holders++;

    public void Drop(int slot)
    {
        if (--slots[slot].Holders == 0)
        {
            free.Push(slot);
        }
    }

    /// <summary>
    /// The page that the contents were saved from, and its registration then: while it still has that, it still has the contents.
    /// </summary>
    public (int Page, long Serial) OriginOf(int slot) => (slots[slot].Page, slots[slot].Serial);

    private struct Saved
    {
        public int Holders;
        public int Page;
        public long Serial;
    }
}
