namespace Kernels;

/// <summary>What the pages of a <see cref="PagePool"/> are used for. Free, cached and used pages are all its pages.</summary>
/// <param name="Free">Pages that hold nothing.</param>
/// <param name="Cached">
/// Pages that no sequence holds and whose contents can still be adopted; they are given away when no page is free.
/// </param>
/// <param name="Used">Pages that sequences hold, swapped-out sequences included.</param>
/// <param name="Shared">Of the used pages, those that more than one sequence holds.</param>
/// <param name="Saved">Pages' contents that are kept outside the pool for swapped-out sequences.</param>
public readonly record struct PagePoolStatistics(int Free, int Cached, int Used, int Shared, int Saved)
{
    /// <summary>Pages that can be had at once: free and cached.</summary>
    public int Available => Free + Cached;
}
