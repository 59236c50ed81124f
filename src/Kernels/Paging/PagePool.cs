namespace Kernels;

/// <summary>
/// The bookkeeping of a paged KV cache: which pages hold which tokens of which sequence. Pages are shared by reference count
/// (<see cref="Fork"/>, <see cref="AdoptPrefix"/>) and copied before one of their sequences writes into them; pages whose tokens
/// were made known with <see cref="Publish"/> can be adopted by other sequences, also after their own was released, until no other
/// page is free. Sequences can be swapped out and in. The contents themselves are moved by an <see cref="IPageStore"/>.
/// Running out of pages is an answer, not an error, and changes nothing. A step that reserves tokens allocates nothing once the
/// tables have grown to the longest sequences. Not thread-safe.
/// </summary>
public sealed class PagePool
{
    /// <summary>The most tokens of a page.</summary>
    public const int MaxPageSize = KernelContract.MaxPageSize;

    private const long MaxSlots = 1L << 31;

    private readonly IPageStore store;
    private readonly PrefixIndex index;
    private readonly PageFrames frames;
    private readonly SavedPages saved = new();

    // All that there ever were at a time, by their indexes, and of these the ones whose place is free.
    private readonly List<PagedSequence> sequences = [];
    private readonly Stack<PagedSequence> spare = new();

    // From a page to the slot that it was saved in, or from a slot to the page that it was loaded into, during a swap.
    private readonly Dictionary<int, int> moved = [];

    /// <summary>Makes a pool in which every page is free.</summary>
    /// <param name="pages">Pages; pages × page size is at most 2^31, so that every slot is an int.</param>
    /// <param name="pageSize">Tokens of a page, 1 to 256.</param>
    /// <param name="store">What moves the pages' contents.</param>
    /// <exception cref="ArgumentOutOfRangeException">A number is out of its range.</exception>
    public PagePool(int pages, int pageSize, IPageStore store)
        : this(pages, pageSize, store, PrefixIndex.DefaultHash)
    {
    }

    internal PagePool(int pages, int pageSize, IPageStore store, PrefixHash hash)
    {
        if (pageSize is < 1 or > MaxPageSize)
        {
            throw new ArgumentOutOfRangeException(nameof(pageSize), pageSize, $"Expected 1 to {MaxPageSize} tokens a page.");
        }

        if (pages < 1 || (long)pages * pageSize > MaxSlots)
        {
            throw new ArgumentOutOfRangeException(
                nameof(pages), pages,
                $"Expected 1 to {Math.Min(int.MaxValue, MaxSlots / pageSize)} pages of {pageSize} tokens: a slot is an int.");
        }

        ArgumentNullException.ThrowIfNull(store);
        Pages = pages;
        PageSize = pageSize;
        this.store = store;
        index = new PrefixIndex(hash);
        frames = new PageFrames(pages, index);
    }

    /// <summary>All pages of the pool.</summary>
    public int Pages { get; }

    /// <summary>Tokens of a page.</summary>
    public int PageSize { get; }

    /// <summary>Where tokens are to be written.</summary>
    public PagedSlots Slots => new(this);

    /// <summary>What the pages are used for.</summary>
    public PagePoolStatistics Statistics => new(frames.Available - frames.Cached, frames.Cached, frames.Used, frames.Shared, saved.Count);

    /// <summary>
    /// Counts what makes an older plan of some sequence wrong: releases, truncations, swaps, and pages that give way to others. While it
    /// stays, all plans hold; <see cref="GetChangedAt"/> tells whose do not.
    /// </summary>
    public long Changes { get; private set; }

    /// <summary>Begins an empty sequence.</summary>
    public SequenceHandle AddSequence()
    {
        if (!spare.TryPop(out PagedSequence? state))
        {
            // Releasing a sequence must not need memory.
            spare.EnsureCapacity(sequences.Count + 1);
            state = new PagedSequence { Index = sequences.Count };
            sequences.Add(state);
        }

        state.Handle = SequenceHandle.Create(state.Index);
        state.IsLive = true;
        return state.Handle;
    }

    /// <summary>Whether the sequence is one of the pool's, and has not been released.</summary>
    public bool Contains(SequenceHandle sequence) => Find(sequence) is not null;

    /// <summary>What <see cref="Changes"/> was when a plan of the sequence was last made wrong; 0: never.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no such sequence.</exception>
    public long GetChangedAt(SequenceHandle sequence) => Live(sequence).ChangedAt;

    /// <summary>Whether the sequence is swapped out.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no such sequence.</exception>
    public bool IsSwappedOut(SequenceHandle sequence) => Live(sequence).IsSwappedOut;

    /// <summary>Tokens of the sequence, written or reserved.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no such sequence.</exception>
    public int GetLength(SequenceHandle sequence) => Live(sequence).Length;

    /// <summary>The sequence's pages in order, as many as its length takes. Valid until the sequence is changed or published.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no such sequence.</exception>
    /// <exception cref="InvalidOperationException">The sequence is swapped out.</exception>
    public ReadOnlySpan<int> GetPages(SequenceHandle sequence) => Resident(sequence).Pages;

    /// <summary>Sequences that hold the page, swapped-out ones included; 0 for a free or cached page.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no such page.</exception>
    public int GetReferenceCount(int page) => (uint)page < (uint)Pages
        ? frames.Holders(page)
        : throw new ArgumentOutOfRangeException(nameof(page), page, $"Expected a page from 0 to {Pages - 1}.");

    /// <summary>
    /// Makes room for a sequence's next tokens. Where the first of them falls into a page that others hold too, that page is copied first.
    /// </summary>
    /// <param name="sequence">The sequence.</param>
    /// <param name="tokens">Tokens to add to its length.</param>
    /// <returns>False when the pool has not enough pages; nothing has changed then.</returns>
    /// <exception cref="ArgumentOutOfRangeException">There is no such sequence, or <paramref name="tokens"/> is negative.</exception>
    /// <exception cref="InvalidOperationException">The sequence is swapped out.</exception>
    public bool TryReserve(SequenceHandle sequence, int tokens)
    {
        PagedSequence state = Resident(sequence);
        ArgumentOutOfRangeException.ThrowIfNegative(tokens);
        long length = (long)state.Length + tokens;
        if (tokens == 0 || length > int.MaxValue)
        {
            return tokens == 0;
        }

        int partial = state.Length % PageSize == 0 ? -1 : state.Pages[^1];
        bool copy = partial >= 0 && frames.Holders(partial) > 1;
        int added = PagesFor(length) - state.Count;
        if (!frames.TryPrepare(added + (copy ? 1 : 0)))
        {
            return false;
        }

        state.EnsureCapacity(state.Count + added);
        if (copy)
        {
            state.Pages[^1] = CopyOf(partial);
            frames.Leave(partial);
            frames.Drop(partial);
            Changed(state);
        }
        else if (partial >= 0 && index.Contains(partial))
        {
            // Only this sequence holds the page, after a truncation: it will no longer hold what it was published under.
            index.Remove(partial);
        }

        for (; added > 0; added--)
        {
            int page = frames.Take();
            frames.Enter(page);
            state.Add(page);
        }

        state.Length = (int)length;
        return true;
    }

    /// <summary>Shortens a sequence to its first <paramref name="length"/> tokens, as after speculation.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no such sequence, or it is shorter than that already.</exception>
    /// <exception cref="InvalidOperationException">The sequence is swapped out.</exception>
    public void Truncate(SequenceHandle sequence, int length)
    {
        PagedSequence state = Resident(sequence);
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, state.Length);
        if (length == state.Length)
        {
            return;
        }

        DropPages(state, PagesFor(length));
        Changed(state);
        state.Length = length;
        state.Published = Math.Min(state.Published, length / PageSize);
    }

    /// <summary>Ends a sequence, swapped out or not. Pages that only it held are free, published ones cached.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no such sequence.</exception>
    public void Release(SequenceHandle sequence)
    {
        PagedSequence state = Live(sequence);
        DropPages(state, 0);
        state.Length = 0;
        state.Published = 0;
        state.IsSwappedOut = false;
        state.IsLive = false;
        Changed(state);
        spare.Push(state);
    }

    /// <summary>
    /// Begins a sequence with everything that another has: beam search, several answers to one prompt. All pages are shared; they are
    /// copied when one of the two writes into them. Tokens that are reserved but not yet written will be the same in both.
    /// </summary>
    /// <returns>The new sequence.</returns>
    /// <exception cref="ArgumentOutOfRangeException">There is no such sequence.</exception>
    /// <exception cref="InvalidOperationException">The sequence is swapped out.</exception>
    public SequenceHandle Fork(SequenceHandle sequence)
    {
        PagedSequence parent = Resident(sequence);
        SequenceHandle fork = AddSequence();
        PagedSequence state = Live(fork);
        try
        {
            state.EnsureCapacity(parent.Count);
        }
        catch
        {
            Release(fork);
            throw;
        }

        foreach (int page in parent.Pages)
        {
            frames.Hold(page);
            frames.Enter(page);
            state.Add(page);
        }

        state.Length = parent.Length;
        state.Published = parent.Published;
        return fork;
    }

    /// <summary>
    /// Tells which tokens a sequence's pages hold, so that others can adopt them. To be called when the writes of these tokens are
    /// enqueued for all layers, never before. Only whole pages are published. Where the same tokens were published by another sequence,
    /// its page takes the place of this one's.
    /// </summary>
    /// <param name="sequence">The sequence.</param>
    /// <param name="tokens">The ids of its tokens from the first one on; those published before are only skipped.</param>
    /// <returns>Tokens of the sequence that are published now.</returns>
    /// <exception cref="ArgumentOutOfRangeException">There is no such sequence.</exception>
    /// <exception cref="ArgumentException">The sequence has fewer tokens, or a page was published under other tokens.</exception>
    /// <exception cref="InvalidOperationException">The sequence is swapped out.</exception>
    public int Publish(SequenceHandle sequence, ReadOnlySpan<int> tokens)
    {
        PagedSequence state = Resident(sequence);
        if (tokens.Length > state.Length)
        {
            throw new ArgumentException($"Expected at most the sequence's {state.Length} tokens, got {tokens.Length}.", nameof(tokens));
        }

        for (int i = state.Published; i < tokens.Length / PageSize; i++)
        {
            PublishPage(state, i, tokens.Slice(i * PageSize, PageSize));
            state.Published = i + 1;
        }

        return state.Published * PageSize;
    }

    /// <summary>
    /// Begins an empty sequence with published pages that hold the first of its tokens, as many whole pages as there are. The rest is
    /// reserved and written as ever. Leave out the last token of a prompt to have a query to run.
    /// </summary>
    /// <param name="sequence">The sequence; empty.</param>
    /// <param name="tokens">The ids of its tokens.</param>
    /// <returns>Tokens that the sequence has now: a multiple of the page size.</returns>
    /// <exception cref="ArgumentOutOfRangeException">There is no such sequence.</exception>
    /// <exception cref="InvalidOperationException">The sequence is not empty, or swapped out.</exception>
    public int AdoptPrefix(SequenceHandle sequence, ReadOnlySpan<int> tokens)
    {
        PagedSequence state = Resident(sequence);
        if (state.Length > 0)
        {
            throw new InvalidOperationException(
                $"Sequence {sequence} has {state.Length} tokens already; only an empty one adopts a prefix.");
        }

        state.EnsureCapacity(tokens.Length / PageSize);
        int parent = PrefixIndex.Root;
        for (; tokens.Length >= PageSize; tokens = tokens[PageSize..])
        {
            int page = index.Find(parent, tokens[..PageSize]);
            if (page < 0)
            {
                break;
            }

            frames.Hold(page);
            frames.Enter(page);
            state.Add(page);
            parent = page;
        }

        state.Published = state.Count;
        state.Length = state.Count * PageSize;
        return state.Length;
    }

    /// <summary>
    /// Saves what a sequence holds outside the pool, and gives up its pages. Pages that sequences which stay hold too are not saved:
    /// the sequence keeps them, and a second call saves those that nobody else uses any more.
    /// </summary>
    /// <param name="sequence">The sequence; swapped out already or not.</param>
    /// <returns>Pages that were saved and given up.</returns>
    /// <exception cref="ArgumentOutOfRangeException">There is no such sequence.</exception>
    public int SwapOut(SequenceHandle sequence)
    {
        PagedSequence state = Live(sequence);
        int users = state.IsSwappedOut ? 0 : 1;
        moved.Clear();
        moved.EnsureCapacity(state.Count);
        try
        {
            foreach (int page in state.Pages)
            {
                if (page >= 0 && frames.Residents(page) == users)
                {
                    int slot = saved.Take(page, index.SerialOf(page));
                    moved.Add(page, slot);
                    store.Save(page, slot);
                }
            }
        }
        catch
        {
            foreach (int slot in moved.Values)
            {
                saved.Return(slot);
            }

            throw;
        }

        if (!state.IsSwappedOut)
        {
            foreach (int page in state.Pages)
            {
                frames.Leave(page);
            }

            state.IsSwappedOut = true;
            Changed(state);
        }

        // Sequences that were swapped out before, and kept a page because of this one, give it up too.
        foreach (PagedSequence other in sequences)
        {
            if (!other.IsSwappedOut)
            {
                continue;
            }

            for (int i = other.Count - 1; i >= 0; i--)
            {
                ref int entry = ref other.Pages[i];
                if (entry >= 0 && moved.TryGetValue(entry, out int slot))
                {
                    saved.Hold(slot);
                    frames.Drop(entry);
                    entry = ~slot;
                }
            }
        }

        return moved.Count;
    }

    /// <summary>Brings a swapped-out sequence back, into whatever pages there are. What is still cached is not loaded again.</summary>
    /// <returns>False when the pool has not enough pages; nothing has changed then.</returns>
    /// <exception cref="ArgumentOutOfRangeException">There is no such sequence.</exception>
    /// <exception cref="InvalidOperationException">The sequence is not swapped out.</exception>
    public bool TrySwapIn(SequenceHandle sequence)
    {
        PagedSequence state = Live(sequence);
        if (!state.IsSwappedOut)
        {
            throw new InvalidOperationException($"Sequence {sequence} is not swapped out.");
        }

        int loads = 0;
        int retakes = 0;
        foreach (int entry in state.Pages)
        {
            if (entry < 0)
            {
                int page = CachedCopyOf(~entry);
                loads += page < 0 ? 1 : 0;
                retakes += page >= 0 && frames.Holders(page) == 0 ? 1 : 0;
            }
        }

        if (!frames.TryPrepare(loads + retakes))
        {
            return false;
        }

        moved.Clear();
        moved.EnsureCapacity(state.Count);
        Retake(state);
        try
        {
            Load(state);
        }
        catch
        {
            DropMoved();
            throw;
        }

        // Sequences that share saved contents with this one share the page from now on.
        foreach (PagedSequence other in sequences)
        {
            if (!other.IsSwappedOut)
            {
                continue;
            }

            foreach (ref int entry in other.Pages)
            {
                if (entry < 0 && moved.TryGetValue(~entry, out int page))
                {
                    saved.Drop(~entry);
                    frames.Hold(page);
                    entry = page;
                }
            }
        }

        DropMoved();
        Enter(state);
        return true;
    }

    internal int WriteSlotOf(SequenceHandle sequence, int position)
    {
        PagedSequence state = Resident(sequence);
        if ((uint)position >= (uint)state.Length)
        {
            throw new ArgumentOutOfRangeException(nameof(position), position, $"Sequence {sequence} has {state.Length} tokens.");
        }

        (int number, int offset) = Math.DivRem(position, PageSize);
        int page = state.Pages[number];
        return index.Contains(page) ? -1 : (page * PageSize) + offset;
    }

    /// <summary>The table of a sequence, swapped out or not; see <see cref="PagedSequence.Pages"/>.</summary>
    internal ReadOnlySpan<int> TableOf(SequenceHandle sequence) => Live(sequence).Pages;

    private int PagesFor(long tokens) => (int)((tokens + PageSize - 1) / PageSize);

    private PagedSequence? Find(SequenceHandle sequence) =>
        sequence.Index < sequences.Count && sequences[sequence.Index] is { IsLive: true } state && state.Handle == sequence ? state : null;

    private PagedSequence Live(SequenceHandle sequence) => Find(sequence)
        ?? throw new ArgumentOutOfRangeException(
            nameof(sequence), sequence, "There is no such sequence here, or no longer: it was released.");

    /// <summary>Plans that were made for the sequence before no longer hold.</summary>
    private void Changed(PagedSequence state) => state.ChangedAt = ++Changes;

    private PagedSequence Resident(SequenceHandle sequence)
    {
        PagedSequence state = Live(sequence);
        return state.IsSwappedOut ? throw new InvalidOperationException($"Sequence {sequence} is swapped out; swap it in first.") : state;
    }

    /// <summary>
    /// Gives up the last pages, the last one first: of two cached pages, the one further from the start is given away first.
    /// </summary>
    private void DropPages(PagedSequence state, int keep)
    {
        while (state.Count > keep)
        {
            int page = state.RemoveLast();
            if (page < 0)
            {
                saved.Drop(~page);
                continue;
            }

            if (!state.IsSwappedOut)
            {
                frames.Leave(page);
            }

            frames.Drop(page);
        }
    }

    private int CopyOf(int source)
    {
        int target = frames.Take();
        try
        {
            store.Copy(source, target);
        }
        catch
        {
            frames.Drop(target);
            throw;
        }

        frames.Enter(target);
        return target;
    }

    private void PublishPage(PagedSequence state, int number, ReadOnlySpan<int> tokens)
    {
        ref int page = ref state.Pages[number];
        int parent = number == 0 ? PrefixIndex.Root : state.Pages[number - 1];
        int published = index.Find(parent, tokens);
        if (published == page)
        {
            return;
        }

        if (published >= 0)
        {
            frames.Hold(published);
            frames.Enter(published);
            frames.Leave(page);
            frames.Drop(page);
            page = published;
            Changed(state);
            return;
        }

        if (index.Contains(page))
        {
            if (index.IsReachable(page))
            {
                throw new ArgumentException(
                    $"The page of tokens {number * PageSize} to {((number + 1) * PageSize) - 1} was published before, under other tokens.",
                    nameof(tokens));
            }

            // Shared with a sequence that published it after a page which is gone since: nobody can find it there.
            index.Remove(page);
        }

        index.Add(page, parent, tokens);
    }

    /// <summary>The page that contents were saved from, if it still has them; −1 otherwise.</summary>
    private int CachedCopyOf(int slot)
    {
        (int page, long serial) = saved.OriginOf(slot);
        return serial != 0 && index.SerialOf(page) == serial ? page : -1;
    }

    /// <summary>Holds the pages that still have what was saved; before any page is taken, which might be one of them.</summary>
    private void Retake(PagedSequence state)
    {
        foreach (int entry in state.Pages)
        {
            int page = entry < 0 ? CachedCopyOf(~entry) : -1;
            if (page >= 0)
            {
                frames.Hold(page);
                moved.Add(~entry, page);
            }
        }
    }

    /// <summary>Takes pages for what else was saved, and loads them.</summary>
    private void Load(PagedSequence state)
    {
        foreach (int entry in state.Pages)
        {
            if (entry < 0 && !moved.ContainsKey(~entry))
            {
                int page = frames.Take();
                moved.Add(~entry, page);
                store.Load(~entry, page);
            }
        }
    }

    /// <summary>Gives up the holds of a swap that is done or failed.</summary>
    private void DropMoved()
    {
        foreach (int page in moved.Values)
        {
            frames.Drop(page);
        }
    }

    /// <summary>Makes a sequence resident whose pages are all there.</summary>
    private void Enter(PagedSequence state)
    {
        state.IsSwappedOut = false;
        foreach (int page in state.Pages)
        {
            frames.Enter(page);
        }

        int published = 0;
        while (published < state.Published
            && index.IsChild(state.Pages[published], published == 0 ? PrefixIndex.Root : state.Pages[published - 1]))
        {
            published++;
        }

        state.Published = published;
    }
}
