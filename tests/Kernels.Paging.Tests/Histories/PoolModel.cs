namespace Kernels.Paging.Tests.Histories;

/// <summary>
/// A pool beside a plain account of what it should hold: every sequence's tokens in a list, and every page's contents in a memory to which
/// the pool's moves are applied. What is written for a token depends on all tokens before it, as keys and values do, so that a page
/// taken from another prefix does not pass for the right one.
/// </summary>
internal sealed class PoolModel
{
    private readonly int pages;
    private readonly int vocabulary;
    private readonly IPageMemory memory;
    private readonly FaultyStore faults;
    private readonly PagePool pool;
    private readonly SortedDictionary<SequenceHandle, Sequence> sequences = new(
        Comparer<SequenceHandle>.Create((a, b) => a.Generation.CompareTo(b.Generation)));
    private readonly HashSet<string> everPublished = [];
    private readonly HashSet<SequenceHandle> everBegun = [];
    private int mostSequences;

    public PoolModel(History history, IPageMemory memory)
    {
        pages = history.Pages;
        vocabulary = history.Vocabulary;
        this.memory = memory;
        faults = new FaultyStore(memory);
        pool = new PagePool(
            history.Pages, history.PageSize, faults, (parent, tokens) => (PrefixIndex.DefaultHash(parent, tokens) & int.MaxValue)
                % history.HashValues);
    }

    private int PageSize => pool.PageSize;

    /// <summary>Runs a history and checks the pool after every step.</summary>
    public static void Run(History history, IPageMemory memory)
    {
        PoolModel model = new(history, memory);
        foreach (Step step in history.Steps)
        {
            model.Do(step);
            model.Check();
        }

        model.End();
    }

    private void Do(Step step)
    {
        switch (step.Operation)
        {
            case Operation.Create:
                Create();
                break;
            case Operation.Append when Choose(step.Which, swappedOut: false) is { } sequence:
                Append(sequence, step.Amount % ((3 * PageSize) + 2), step.Which);
                break;
            case Operation.AppendToSeveral:
                foreach (SequenceHandle sequence in Resident().ToArray())
                {
                    Append(sequence, 1, step.Amount + sequence.Index);
                }

                break;
            case Operation.Fork when Choose(step.Which, swappedOut: false) is { } sequence:
                Fork(sequence);
                break;
            case Operation.Truncate when Choose(step.Which, swappedOut: false) is { } sequence:
                Truncate(sequence, step.Amount % (sequences[sequence].Tokens.Count + 1));
                break;
            case Operation.Release when sequences.Count > 0:
                SequenceHandle released = sequences.Keys.ElementAt(step.Which % sequences.Count);
                pool.Release(released);
                sequences.Remove(released);
                break;
            case Operation.Publish when Choose(step.Which, swappedOut: false) is { } sequence:
                Publish(
                    sequence, sequences[sequence].Tokens.Count
                        - (step.Amount % 4 == 0 ? step.Amount % (sequences[sequence].Tokens.Count + 1) : 0));
                break;
            case Operation.Adopt:
                Adopt(step.Which, step.Amount);
                break;
            case Operation.SwapOut when sequences.Count > 0:
                SwapOut(sequences.Keys.ElementAt(step.Which % sequences.Count));
                break;
            case Operation.SwapIn when Choose(step.Which, swappedOut: true) is { } sequence:
                SwapIn(sequence);
                break;
            case Operation.Fault:
                faults.Countdown = step.Amount % 4;
                break;
        }
    }

    private IEnumerable<SequenceHandle> Resident() => sequences.Where(pair => !pair.Value.IsSwappedOut).Select(pair => pair.Key);

    private SequenceHandle? Choose(int which, bool swappedOut)
    {
        SequenceHandle[] candidates = [.. sequences.Where(pair => pair.Value.IsSwappedOut == swappedOut).Select(pair => pair.Key)];
        return candidates.Length == 0 ? null : candidates[which % candidates.Length];
    }

    private SequenceHandle Create()
    {
        SequenceHandle sequence = pool.AddSequence();
        Begin(sequence, new Sequence());
        return sequence;
    }

    private void Append(SequenceHandle sequence, int count, int seed)
    {
        Sequence state = sequences[sequence];
        int length = state.Tokens.Count;
        bool copies = count > 0 && length % PageSize != 0 && pool.GetReferenceCount(pool.GetPages(sequence)[^1]) > 1;
        int needed = PagesFor(length + count) - PagesFor(length) + (copies ? 1 : 0);
        bool fits = needed <= pool.Statistics.Available;
        bool reserved;
        try
        {
            reserved = pool.TryReserve(sequence, count);
        }
        catch (InjectedFaultException)
        {
            Assert.True(copies && fits);
            faults.Countdown = -1;
            return;
        }

        Assert.Equal(fits, reserved);
        if (!reserved)
        {
            return;
        }

        if (copies)
        {
            state.Origins[^1] = new Origin();
        }

        for (int i = 0; i < count; i++)
        {
            state.Add((seed + (i * 7)) % vocabulary);
            int slot = pool.Slots.GetSlot(sequence, length + i);
            Assert.InRange(slot, 0, (pages * PageSize) - 1);
            memory.Write(slot, state.Contents[^1]);
        }

        while (state.Origins.Count < PagesFor(state.Tokens.Count))
        {
            state.Origins.Add(new Origin());
        }
    }

    private void Fork(SequenceHandle sequence)
    {
        Begin(pool.Fork(sequence), sequences[sequence].Clone());
    }

    private void Begin(SequenceHandle sequence, Sequence state)
    {
        sequences.Add(sequence, state);
        mostSequences = Math.Max(mostSequences, sequences.Count);
        Assert.InRange(sequence.Index, 0, mostSequences - 1);
        Assert.True(everBegun.Add(sequence), $"{sequence} was given out before");
    }

    private void Truncate(SequenceHandle sequence, int length)
    {
        pool.Truncate(sequence, length);
        Sequence state = sequences[sequence];
        state.Truncate(length);
        state.Published = Math.Min(state.Published, length / PageSize);
        state.Origins.RemoveRange(PagesFor(length), state.Origins.Count - PagesFor(length));
    }

    private void Publish(SequenceHandle sequence, int count)
    {
        Sequence state = sequences[sequence];
        int published = pool.Publish(sequence, state.Tokens.ToArray().AsSpan(0, count)) / PageSize;
        Assert.InRange(published, Math.Max(state.Published, count / PageSize), state.Tokens.Count / PageSize);
        state.Published = published;
        for (int i = 0; i < published; i++)
        {
            state.Origins[i].IsPublished = true;
            everPublished.Add(Prefix(state.Tokens, i + 1));
        }
    }

    /// <summary>A new sequence that begins as another one did, and goes on by itself.</summary>
    private void Adopt(int which, int amount)
    {
        List<int> tokens = [];
        if (sequences.Count > 0)
        {
            Sequence like = sequences.Values.ElementAt(which % sequences.Count);
            tokens.AddRange(like.Tokens.Take(like.Tokens.Count - (amount % 3)));
        }

        for (int i = 0; i < amount % (2 * PageSize); i++)
        {
            tokens.Add((amount + i) % vocabulary);
        }

        int atLeast = sequences.Values.Where(other => !other.IsSwappedOut)
            .Select(other => Math.Min(other.Published, CommonPages(other.Tokens, tokens))).DefaultIfEmpty(0).Max();
        int atMost = 0;
        while ((atMost + 1) * PageSize <= tokens.Count && everPublished.Contains(Prefix(tokens, atMost + 1)))
        {
            atMost++;
        }

        SequenceHandle sequence = Create();
        Sequence state = sequences[sequence];
        int adopted = pool.AdoptPrefix(sequence, tokens.ToArray());
        Assert.Equal(0, adopted % PageSize);
        Assert.InRange(adopted / PageSize, atLeast, atMost);
        foreach (int token in tokens.Take(adopted))
        {
            state.Add(token);
        }

        state.Published = adopted / PageSize;
        state.Origins.AddRange(Enumerable.Range(0, state.Published).Select(_ => new Origin { IsPublished = true }));
    }

    private void SwapOut(SequenceHandle sequence)
    {
        Sequence state = sequences[sequence];
        int kept = pool.TableOf(sequence).ToArray().Count(entry => entry >= 0 && IsUsedByOther(entry, sequence));
        int before = pool.TableOf(sequence).ToArray().Count(entry => entry >= 0);
        try
        {
            Assert.Equal(before - kept, pool.SwapOut(sequence));
            state.IsSwappedOut = true;
        }
        catch (InjectedFaultException)
        {
            faults.Countdown = -1;
        }
    }

    private bool IsUsedByOther(int page, SequenceHandle sequence) =>
        Resident().Any(other => other != sequence && pool.GetPages(other).Contains(page));

    private void SwapIn(SequenceHandle sequence)
    {
        Sequence state = sequences[sequence];
        int saved = pool.TableOf(sequence).ToArray().Count(entry => entry < 0);
        PagePoolStatistics before = pool.Statistics;
        bool back;
        try
        {
            back = pool.TrySwapIn(sequence);
        }
        catch (InjectedFaultException)
        {
            faults.Countdown = -1;
            return;
        }

        // Contents that are still cached and in use need no page: fewer than were saved can be enough.
        Assert.True(back || saved > before.Available);
        if (back)
        {
            state.IsSwappedOut = false;

            // Prefixes that were forgotten meanwhile have to be published again.
            state.Published = 0;
        }
        else
        {
            Assert.Equal(before, pool.Statistics);
        }
    }

    private void Check()
    {
        Dictionary<int, List<(Sequence Holder, int Number)>> holders = [];
        HashSet<int> savedSlots = [];
        ReadOnlySpan<long> contents = memory.ReadAll();
        foreach ((SequenceHandle sequence, Sequence state) in sequences)
        {
            Assert.Equal(state.IsSwappedOut, pool.IsSwappedOut(sequence));
            Assert.Equal(state.Tokens.Count, pool.GetLength(sequence));
            ReadOnlySpan<int> table = state.IsSwappedOut ? pool.TableOf(sequence) : pool.GetPages(sequence);
            Assert.Equal(PagesFor(state.Tokens.Count), table.Length);
            for (int i = 0; i < table.Length; i++)
            {
                if (table[i] < 0)
                {
                    Assert.True(state.IsSwappedOut);
                    savedSlots.Add(~table[i]);
                    continue;
                }

                Assert.InRange(table[i], 0, pages - 1);
                if (!holders.TryGetValue(table[i], out List<(Sequence, int)>? list))
                {
                    holders.Add(table[i], list = []);
                }

                list.Add((state, i));
                for (int position = i * PageSize; position < Math.Min(state.Tokens.Count, (i + 1) * PageSize); position++)
                {
                    Assert.Equal(state.Contents[position], contents[(table[i] * PageSize) + (position % PageSize)]);
                }
            }
        }

        for (int page = 0; page < pages; page++)
        {
            List<(Sequence Holder, int Number)> list = holders.GetValueOrDefault(page, []);
            Assert.Equal(list.Count, pool.GetReferenceCount(page));
            Assert.All(list, holder =>
            {
                Origin first = list[0].Holder.Origins[list[0].Number];
                Origin own = holder.Holder.Origins[holder.Number];
                Assert.Equal(list[0].Number, holder.Number);
                Assert.True(
                    own == first || (own.IsPublished && first.IsPublished), "A page is shared that was neither forked nor published.");
            });
            Assert.Equal(list.Count, list.Select(holder => holder.Holder).Distinct().Count());
        }

        PagePoolStatistics statistics = pool.Statistics;
        Assert.Equal(pages, statistics.Free + statistics.Cached + statistics.Used);
        Assert.Equal(holders.Count, statistics.Used);
        Assert.Equal(holders.Values.Count(list => list.Count > 1), statistics.Shared);
        Assert.Equal(savedSlots.Count, statistics.Saved);
        Assert.True(statistics.Free >= 0 && statistics.Cached >= 0);
    }

    /// <summary>Swaps everything in that fits, then gives all back: every page must be there to be had, once.</summary>
    private void End()
    {
        faults.Countdown = -1;
        foreach (SequenceHandle sequence in sequences.Keys.ToArray())
        {
            if (sequences[sequence].IsSwappedOut)
            {
                SwapIn(sequence);
                Check();
            }

            pool.Release(sequence);
            sequences.Remove(sequence);
            Check();
        }

        Assert.Equal(new PagePoolStatistics(pages - pool.Statistics.Cached, pool.Statistics.Cached, 0, 0, 0), pool.Statistics);
        SequenceHandle last = Create();
        Append(last, pages * PageSize, 0);
        Assert.Equal(pages * PageSize, pool.GetLength(last));
        Assert.Equal(pages, pool.GetPages(last).ToArray().Distinct().Count());
        Assert.False(pool.TryReserve(last, 1));
        Check();
    }

    private int PagesFor(int tokens) => (tokens + PageSize - 1) / PageSize;

    private int CommonPages(List<int> a, List<int> b)
    {
        int common = 0;
        while (common < a.Count && common < b.Count && a[common] == b[common])
        {
            common++;
        }

        return common / PageSize;
    }

    private string Prefix(List<int> tokens, int count) => string.Join(' ', tokens.Take(count * PageSize));

    private sealed class Sequence
    {
        public List<int> Tokens { get; private init; } = [];

        public List<long> Contents { get; private init; } = [];

        /// <summary>For each page, where it came from as far as the model can tell.</summary>
        public List<Origin> Origins { get; private init; } = [];

        /// <summary>Pages that others must be able to adopt while this sequence is resident.</summary>
        public int Published { get; set; }

        public bool IsSwappedOut { get; set; }

        public void Add(int token)
        {
            long before = Contents.Count == 0 ? 17 : Contents[^1];
            Tokens.Add(token);
            Contents.Add(unchecked(((before ^ (token + 1)) * 6364136223846793005) + 1442695040888963407));
        }

        public void Truncate(int length)
        {
            Tokens.RemoveRange(length, Tokens.Count - length);
            Contents.RemoveRange(length, Contents.Count - length);
        }

        public Sequence Clone() => new()
        {
            Tokens = [.. Tokens],
            Contents = [.. Contents],
            Origins = [.. Origins],
            Published = Published,
        };
    }

    /// <summary>Shared by the forks of one page.</summary>
    private sealed class Origin
    {
        public bool IsPublished { get; set; }
    }
}
