namespace Kernels.Decoding;

/// <summary>
/// Chooses what runs in each step. Sequences that generate come first, a token each; prompts take what is left of the step, in
/// order of arrival. A request starts when there are pages for its prompt and one more for each sequence that runs. When pages run
/// out, the sequence that came last gives up its own; it goes on before any new request starts. The earliest sequence never gives
/// way to another, so that every request ends.
/// </summary>
internal sealed class Scheduler
{
    private readonly Decoder decoder;
    private readonly IDecoderPages pages;
    private readonly EngineOptions options;
    private readonly Stack<int> slots;

    // Each in order of arrival.
    private readonly List<EngineSequence> running = [];
    private readonly List<EngineSequence> preempted = [];
    private readonly List<EngineSequence> waiting = [];
    private readonly List<EngineSequence> step = [];
    private int budget;

    public Scheduler(Decoder decoder, EngineOptions options)
    {
        this.decoder = decoder;
        this.options = options;
        pages = decoder.Pages!;
        slots = new Stack<int>(Enumerable.Range(0, decoder.Sequences).Reverse());
    }

    /// <summary>The sequences of the step that was planned.</summary>
    public IReadOnlyList<EngineSequence> Step => step;

    /// <summary>All requests that have not ended.</summary>
    public IEnumerable<EngineSequence> All => running.Concat(preempted).Concat(waiting);

    public int Running => running.Count;

    public int Preempted => preempted.Count;

    public bool IsIdle => running.Count + preempted.Count + waiting.Count == 0;

    public long Preemptions { get; private set; }

    public long ReusedTokens { get; private set; }

    /// <summary>Called when a waiting request starts or ends.</summary>
    public required Action LeftQueue { get; init; }

    public void Add(EngineSequence sequence) => waiting.Add(sequence);

    /// <summary>Takes a sequence out, whatever its state, and frees what it holds.</summary>
    public void Remove(EngineSequence sequence)
    {
        if (waiting.Remove(sequence))
        {
            LeftQueue();
        }
        else
        {
            _ = running.Remove(sequence) || preempted.Remove(sequence);
            FreeSlot(sequence);
        }
    }

    /// <summary>Plans a step and reserves its pages. It is empty only if there are no requests.</summary>
    public void Plan()
    {
        foreach (EngineSequence sequence in running)
        {
            sequence.Planned = 0;
            sequence.Draft.Clear();
        }

        step.Clear();
        budget = options.StepTokens;
        long before = Preemptions;
        PlanRunning(generating: true);
        PlanRunning(generating: false);
        if (Preemptions == before)
        {
            Resume();
            Start();
        }
    }

    /// <summary>
    /// Plans the step behind one that is under way, if there is nothing to do but to go on with all of its sequences: those of which only
    /// the device will know a token, a token each.
    /// </summary>
    /// <returns>False, with nothing changed, if the tokens must be known first.</returns>
    public bool TryPlanAhead()
    {
        // A sequence that waits, or gave way, may be able to start when the tokens are known.
        if (preempted.Count > 0 || (waiting.Count > 0 && slots.Count > 0) || running.Count > options.StepTokens
            || !running.TrueForAll(sequence => sequence is { UnreadRow: not null, CanRunAhead: true } && !MayDraft(sequence)))
        {
            return false;
        }

        step.Clear();
        budget = options.StepTokens;
        foreach (EngineSequence sequence in running)
        {
            if (sequence.Generated + 1 == sequence.Request.MaxTokens)
            {
                continue;
            }

            if (!pages.TryReserve(sequence.Slot, 1))
            {
                foreach (EngineSequence planned in step)
                {
                    pages.Truncate(planned.Slot, decoder.Length(planned.Slot));
                }

                return false;
            }

            Include(sequence, 1);
        }

        return step.Count > 0;
    }

    private bool MayDraft(EngineSequence sequence) =>
        options.DraftTokens > 0 && sequence.Request.Sampling.Temperature == 0 && sequence.Embedding is null;

    // Tokens of a sequence that are known but not in the cache; one while it generates.
    private int Pending(EngineSequence sequence) => sequence.Tokens.Length - decoder.Length(sequence.Slot);

    private int PagesFor(int tokens) => (int)(((long)tokens + pages.PageSize - 1) / pages.PageSize);

    private void PlanRunning(bool generating)
    {
        int spare = options.StepTokens - running.Count;
        for (int i = 0; i < running.Count;)
        {
            EngineSequence sequence = running[i];
            bool takesPart = budget > 0 && sequence.Planned == 0 && Pending(sequence) == 1 == generating;
            if (takesPart && generating)
            {
                spare -= TryPlanDraft(sequence, Math.Min(spare, budget - 1));
            }

            // One that gives way itself leaves its place in the list to the next; those that give way to it come after it.
            if (!takesPart || sequence.Planned > 0 || TryPlan(sequence))
            {
                i++;
            }
        }
    }

    /// <summary>Plans the next token of a greedy sequence with guessed ones, if there are guesses and pages for them.</summary>
    /// <returns>Guesses.</returns>
    private int TryPlanDraft(EngineSequence sequence, int most)
    {
        if (!MayDraft(sequence))
        {
            return 0;
        }

        // A guess more than may still be generated would be of no use, and have no room.
        most = Math.Min(Math.Min(most, options.DraftTokens), sequence.Request.MaxTokens - sequence.Generated - 1);
        ReadOnlySpan<int> draft = PromptLookup.Draft(sequence.Tokens, most);
        if (draft.IsEmpty || !pages.TryReserve(sequence.Slot, 1 + draft.Length))
        {
            return 0;
        }

        sequence.Draft.AddRange(draft);
        Include(sequence, 1);
        return draft.Length;
    }

    /// <summary>Plans as many tokens as the step has room for; other sequences give way if need be, or else this one.</summary>
    /// <returns>False if it gave way itself.</returns>
    private bool TryPlan(EngineSequence sequence)
    {
        int count = Math.Min(Pending(sequence), budget);
        while (!pages.TryReserve(sequence.Slot, count))
        {
            if (TrimSwappedOut())
            {
                continue;
            }

            EngineSequence victim = running.FindLast(candidate => candidate.Planned == 0)!;
            Preempt(victim);
            if (victim == sequence)
            {
                return false;
            }
        }

        Include(sequence, count);
        return true;
    }

    private void Include(EngineSequence sequence, int count)
    {
        sequence.Planned = count;
        budget -= count + sequence.Draft.Count;
        step.Add(sequence);
    }

    private void Preempt(EngineSequence sequence)
    {
        Preemptions++;
        running.Remove(sequence);
        Insert(preempted, sequence);
        if (options.Preemption == Preemption.SwapOut)
        {
            pages.SwapOut(sequence.Slot);
            sequence.IsSwappedOut = true;
        }
        else
        {
            FreeSlot(sequence);
        }
    }

    /// <summary>Frees pages that swapped-out sequences kept only because others used them too, who are gone since.</summary>
    private bool TrimSwappedOut()
    {
        int before = pages.Statistics.Available;
        foreach (EngineSequence sequence in preempted)
        {
            if (sequence.IsSwappedOut)
            {
                pages.SwapOut(sequence.Slot);
            }
        }

        return pages.Statistics.Available > before;
    }

    private void Resume()
    {
        while (preempted is [var sequence, ..] && budget > 0 && HasRoom(PagesFor(sequence.Tokens.Length)))
        {
            if (sequence.IsSwappedOut)
            {
                if (!pages.TrySwapIn(sequence.Slot) && !(TrimSwappedOut() && pages.TrySwapIn(sequence.Slot)))
                {
                    return;
                }

                sequence.IsSwappedOut = false;
            }
            else if (!TryTakeSlot(sequence))
            {
                return;
            }

            preempted.RemoveAt(0);
            Run(sequence);
        }
    }

    private void Start()
    {
        // One that is to share pages that are not there yet lets others pass: who makes the pages runs already.
        while (preempted.Count == 0 && budget > 0 && waiting.Find(candidate => !candidate.IsHeld) is { } sequence && TryTakeSlot(sequence))
        {
            sequence.Output.ReusedTokens = decoder.Length(sequence.Slot);
            waiting.Remove(sequence);
            LeftQueue();
            Run(sequence);
        }
    }

    private void Run(EngineSequence sequence)
    {
        Insert(running, sequence);
        sequence.Planned = 0;
        sequence.Draft.Clear();
        int count = Math.Min(Pending(sequence), budget);
        if (pages.TryReserve(sequence.Slot, count) || (TrimSwappedOut() && pages.TryReserve(sequence.Slot, count)))
        {
            Include(sequence, count);
        }
    }

    // With nothing running, whatever is there must do: more will not come.
    private bool HasRoom(int needed) =>
        running.Count == 0 || pages.Statistics.Available >= needed + running.Sum(sequence => 1 + PagesToCome(sequence));

    // Pages of known tokens that no step has had yet.
    private int PagesToCome(EngineSequence sequence) =>
        PagesFor(sequence.Tokens.Length) - Math.Min(
            PagesFor(sequence.Tokens.Length), PagesFor(decoder.Length(sequence.Slot) + sequence.Planned));

    /// <summary>Gives a sequence that holds nothing a slot, with what is cached of its tokens, if there is room for the rest.</summary>
    private bool TryTakeSlot(EngineSequence sequence)
    {
        if (!slots.TryPop(out int slot))
        {
            return false;
        }

        // One token is left out, to have a query to run.
        int reused = options.ReusePrefixes && sequence.Embedding is null ? pages.AdoptPrefix(slot, sequence.Tokens[..^1]) : 0;
        sequence.Slot = slot;

        // Not what was generated before it gave way: that turns as it did then.
        decoder.ExpectLength(slot, sequence.Request.Prompt.Length);
        if (!HasRoom(PagesFor(sequence.Tokens.Length - reused)))
        {
            FreeSlot(sequence);
            return false;
        }

        ReusedTokens += reused;
        return true;
    }

    private void FreeSlot(EngineSequence sequence)
    {
        sequence.IsSwappedOut = false;
        if (sequence.Slot >= 0)
        {
            decoder.Reset(sequence.Slot);
            slots.Push(sequence.Slot);
            sequence.Slot = -1;
        }
    }

    private static void Insert(List<EngineSequence> list, EngineSequence sequence)
    {
        int place = list.FindIndex(other => other.Arrival > sequence.Arrival);
        list.Insert(place < 0 ? list.Count : place, sequence);
    }
}
