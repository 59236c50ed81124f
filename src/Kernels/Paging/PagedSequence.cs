namespace Kernels;

/// <summary>One sequence of a <see cref="PagePool"/>.</summary>
internal sealed class PagedSequence
{
    private int[] pages = [];

    /// <summary>What it goes by while it is live.</summary>
    public SequenceHandle Handle { get; set; }

    /// <summary>Its place among the pool's; a later sequence may have it.</summary>
    public int Index { get; init; }

    /// <summary>See <see cref="PagePool.GetChangedAt"/>.</summary>
    public long ChangedAt { get; set; }

    public bool IsLive { get; set; }

    public bool IsSwappedOut { get; set; }

    public int Length { get; set; }

    /// <summary>Leading pages that are registered, each as the child of the one before.</summary>
    public int Published { get; set; }

    /// <summary>Pages, as many as the length takes.</summary>
    public int Count { get; private set; }

    /// <summary>
    /// The pages in order. Of a swapped-out sequence, a negative entry is the complement of the slot where the contents were saved.
    /// </summary>
    public Span<int> Pages => pages.AsSpan(0, Count);

    public void EnsureCapacity(int count)
    {
        if (count > pages.Length)
        {
            Array.Resize(ref pages, (int)Math.Min(Array.MaxLength, Math.Max(count, Math.Max(16L, 2L * pages.Length))));
        }
    }

    /// <summary>Adds a page; <see cref="EnsureCapacity"/> comes first.</summary>
    public void Add(int page) => pages[Count++] = page;

    public int RemoveLast() => pages[--Count];
}
