namespace Kernels;

/// <summary>
/// Who holds which page. A page is used while sequences hold it; then it is free or, when its contents are registered, cached:
/// cached pages are given away when none is free, the one that was used least recently first.
/// </summary>
internal sealed class PageFrames
{
    // Up to this many pages, no call after the constructor allocates; more are made as they are first used, since a pool may have 2^31 of
    // them.
    private const int InitialFrames = 1 << 16;
    private const int None = -1;

    private readonly int pages;
    private readonly PrefixIndex index;
    private Frame[] frames;
    private int touched;
    private int firstFree = None;
    private int oldestCached = None;
    private int newestCached = None;

    public PageFrames(int pages, PrefixIndex index)
    {
        this.pages = pages;
        this.index = index;
        frames = new Frame[Math.Min(pages, InitialFrames)];
    }

    /// <summary>Pages with at least one holder.</summary>
    public int Used { get; private set; }

    /// <summary>Pages with at least two holders.</summary>
    public int Shared { get; private set; }

    /// <summary>Registered pages without a holder.</summary>
    public int Cached { get; private set; }

    /// <summary>Pages without a holder.</summary>
    public int Available => pages - Used;

    /// <summary>Sequences that hold the page.</summary>
    public int Holders(int page) => page < touched ? frames[page].Holders : 0;

    /// <summary>Of the holders, sequences that are not swapped out.</summary>
    public int Residents(int page) => frames[page].Residents;

    /// <summary>
    /// Makes sure that <paramref name="count"/> pages can be taken: false when they are not available. Only this can run out of host
    /// memory.
    /// </summary>
    public bool TryPrepare(int count)
    {
        if (count > Available)
        {
            return false;
        }

        long needed = Math.Min(pages, (long)touched + count);
        if (needed > frames.Length)
        {
            Array.Resize(ref frames, (int)Math.Min(pages, Math.Max(needed, 2L * frames.Length)));
        }

        return true;
    }

    /// <summary>A page, with one holder, whose contents nobody needs. <see cref="TryPrepare"/> comes first.</summary>
    public int Take()
    {
        int page;
        if (firstFree != None)
        {
            page = firstFree;
            firstFree = frames[page].Next;
        }
        else if (touched < pages)
        {
            page = touched++;
        }
        else
        {
            page = oldestCached;
            Unlink(page);
            index.Remove(page);
        }

        frames[page].Holders = 1;
        Used++;
        return page;
    }

    /// <summary>Adds a holder to a used or cached page.</summary>
    public void Hold(int page)
    {
        switch (frames[page].Holders++)
        {
            case 0:
                Unlink(page);
                Used++;
                break;
            case 1:
                Shared++;
                break;
        }
    }

    /// <summary>Removes a holder.</summary>
    public void Drop(int page)
    {
        switch (--frames[page].Holders)
        {
            case 0:
                Used--;
                Retire(page);
                break;
            case 1:
                Shared--;
                break;
        }
    }

    /// <summary>A holder of the page became resident.</summary>
    public void Enter(int page) => frames[page].Residents++;

    /// <summary>A resident holder of the page was swapped out, or is about to be removed.</summary>
    public void Leave(int page) => frames[page].Residents--;

    private void Retire(int page)
    {
        ref Frame frame = ref frames[page];
        if (!index.HasParent(page))
        {
            if (index.Contains(page))
            {
                index.Remove(page);
            }

            frame.Next = firstFree;
            firstFree = page;
            return;
        }

        frame.Next = None;
        frame.Previous = newestCached;
        if (newestCached == None)
        {
            oldestCached = page;
        }
        else
        {
            frames[newestCached].Next = page;
        }

        newestCached = page;
        Cached++;
    }

    private void Unlink(int page)
    {
        (int previous, int next) = (frames[page].Previous, frames[page].Next);
        if (previous == None)
        {
            oldestCached = next;
        }
        else
        {
            frames[previous].Next = next;
        }

        if (next == None)
        {
            newestCached = previous;
        }
        else
        {
            frames[next].Previous = previous;
        }

        Cached--;
    }

    private struct Frame
    {
        public int Holders;
        public int Residents;

        // Of the free list, or of the cached pages from the oldest to the newest.
        public int Next;
        public int Previous;
    }
}
