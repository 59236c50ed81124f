using System.Collections.Immutable;
using System.Diagnostics;
using Kernels.OpenCL;

namespace Kernels.Decoding;

/// <summary>
/// Runs the requests of many senders on one decoder with a paged cache: continuous batching. Requests join and leave between
/// steps; <see cref="Scheduler"/> has the rules. One thread owns the decoder; the public members are thread-safe.
/// </summary>
public sealed class DecodingEngine : IDisposable
{
    private readonly Decoder decoder;
    private readonly IDecoderPages pages;
    private readonly TextTokenizer tokenizer;
    private readonly EngineOptions options;
    private readonly RequestQueue queue;
    private readonly Scheduler scheduler;
    private readonly EngineMetrics metrics;
    private readonly Thread thread;
    private PackedStep current;
    private PackedStep next;
    private readonly List<(EngineSequence Sequence, FinishReason Finish, Exception? Error)> ended = [];
    private volatile EngineStatistics statistics = new();
    private volatile Exception? fault;
    private volatile bool stopping;
    private long arrivals;

    // What is counted during a step, to be published at its end.
    private int pagesUsedAtMost;
    private long steps;
    private long ends;
    private long promptTokens;
    private long generatedTokens;
    private long draftTokens;
    private long acceptedDraftTokens;
    private int disposed;

    // What the decoder did before it was the engine's, such as to warm up.
    private readonly (long Expanded, long Absorbed) earlierTokens;

    /// <summary>Starts an engine.</summary>
    /// <param name="decoder">The model, with a paged cache; it is taken over. As many sequences as it has run at a time.</param>
    /// <param name="tokenizer">The model's tokenizer.</param>
    /// <param name="options">How to run requests.</param>
    /// <exception cref="ArgumentException">The decoder's cache is not paged, or an option is outside its range.</exception>
    public DecodingEngine(Decoder decoder, TextTokenizer tokenizer, EngineOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(decoder);
        ArgumentNullException.ThrowIfNull(tokenizer);
        this.decoder = decoder;
        this.tokenizer = tokenizer;
        this.options = options ?? new EngineOptions();
        this.options.Check(decoder.Sequences);
        if (decoder.KeysDependOnLength)
        {
            this.options = this.options with { ReusePrefixes = false };
        }

        pages = decoder.Pages ?? throw new ArgumentException("The decoder's cache is contiguous; expected a paged one.", nameof(decoder));
        MaxContext = (int)Math.Min(decoder.Capacity, (long)pages.PageCount * pages.PageSize);
        earlierTokens = LatentTokens;
        AttentionKernels = [.. decoder.DescribeAttention()];
        queue = new RequestQueue((int)Math.Min(int.MaxValue, (long)decoder.Sequences + this.options.QueueLimit));
        current = new PackedStep(decoder);
        next = new PackedStep(decoder);
        scheduler = new Scheduler(decoder, this.options) { LeftQueue = queue.Started };
        statistics = Snapshot();
        metrics = new EngineMetrics(this.options.ModelName, () => queue.Length, () => statistics);
        thread = new Thread(Loop) { IsBackground = true, Name = "decoding engine" };
        thread.Start();
    }

    /// <summary>The model.</summary>
    public ModelConfig Config => decoder.Config;

    /// <summary>The most tokens of a prompt and its continuation together.</summary>
    public int MaxContext { get; }

    /// <summary>The most requests at a time, those that run and those that wait: further ones are refused.</summary>
    public int MaxRequests => queue.Limit;

    /// <summary>The model's name, for figures.</summary>
    public string ModelName => options.ModelName;

    /// <summary>
    /// Which attention kernels run and why, for people: a line for each attention type that was prepared when the engine started.
    /// </summary>
    public IReadOnlyList<string> AttentionKernels { get; }

    /// <summary>Requests that wait for their start.</summary>
    public int QueueLength => queue.Length;

    /// <summary>What the engine has done and holds, as of its last step.</summary>
    public EngineStatistics Statistics => statistics;

    /// <summary>What ended the engine before it was disposed of, such as the loss of its device; null while it runs.</summary>
    public Exception? Fault => fault;

    /// <summary>Hands a request in, or says that the queue is full.</summary>
    /// <returns>The request under way; null if there is no room.</returns>
    /// <exception cref="ArgumentException">The request cannot be carried out as it is; the message says why.</exception>
    /// <exception cref="ObjectDisposedException">The engine has ended.</exception>
    public Generation? TrySubmit(GenerationRequest request) => TrySubmit(request, choices: 1) is [var generation] ? generation : null;

    /// <summary>Hands a request in of which several texts are wanted, or says that the queue has no room for all of them.</summary>
    /// <param name="request">The request. With a seed, each text is drawn by one of its own.</param>
    /// <param name="choices">Texts; each takes a place in the queue. They share the pages of their prompt.</param>
    /// <returns>The texts under way; empty if there is no room.</returns>
    /// <inheritdoc cref="TrySubmit(GenerationRequest)"/>
    public ImmutableArray<Generation> TrySubmit(GenerationRequest request, int choices)
    {
        Check(request);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(choices);
        if (!queue.TryEnter(choices))
        {
            return [];
        }

        int added = 0;
        try
        {
            var sequences = new EngineSequence[choices];
            for (int i = 0; i < choices; i++)
            {
                sequences[i] = new EngineSequence(request, tokenizer, Config.EosTokenIds.AsSpan(), i)
                {
                    Leader = i > 0 && options.ReusePrefixes ? sequences[0] : null,
                };
            }

            foreach (EngineSequence sequence in sequences)
            {
                // It gives its place free itself if the queue is closed.
                added++;
                queue.Add(sequence);
            }

            return [.. sequences.Select(sequence => sequence.Output)];
        }
        catch
        {
            queue.Leave(choices - added);
            throw;
        }
    }

    /// <summary>Hands a request in when there is room in the queue.</summary>
    /// <inheritdoc cref="TrySubmit(GenerationRequest)"/>
    public async Task<Generation> SubmitAsync(GenerationRequest request, CancellationToken cancellation = default)
    {
        Check(request);
        var sequence = new EngineSequence(request, tokenizer, Config.EosTokenIds.AsSpan());
        await queue.AddAsync(sequence, cancellation).ConfigureAwait(false);
        return sequence.Output;
    }

    /// <summary>
    /// The vector of a text, of <see cref="ModelConfig.HiddenSize"/> elements and of length 1: of what the final norm gives for its tokens.
    /// </summary>
    /// <param name="tokens">The text, at least one token.</param>
    /// <param name="pooling">How the vectors of tokens become one.</param>
    /// <param name="wait">Whether to wait for room in the queue.</param>
    /// <param name="cancellation">Ends the work at the next step.</param>
    /// <returns>The vector; null if there is no room and <paramref name="wait"/> is false.</returns>
    /// <exception cref="ArgumentException">
    /// There are no tokens, more than the context has room for, or one that the model has not.
    /// </exception>
    /// <exception cref="ObjectDisposedException">The engine has ended.</exception>
    public async Task<float[]?> EmbedAsync(
        ImmutableArray<int> tokens, EmbeddingPooling pooling, bool wait = true, CancellationToken cancellation = default)
    {
        var request = new GenerationRequest(tokens, 1);
        Check(request);
        var job = new EmbeddingJob(tokens.Length, Config.HiddenSize, pooling);
        var sequence = new EngineSequence(request, tokenizer, job);
        if (wait)
        {
            await queue.AddAsync(sequence, cancellation).ConfigureAwait(false);
        }
        else if (queue.TryEnter(1))
        {
            queue.Add(sequence);
        }
        else
        {
            return null;
        }

        using CancellationTokenRegistration registration = cancellation.UnsafeRegister(
            static output => ((Generation)output!).Cancel(), sequence.Output);
        try
        {
            return await job.Result.ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            cancellation.ThrowIfCancellationRequested();
            throw new ObjectDisposedException(nameof(DecodingEngine));
        }
    }

    /// <summary>Cancels the requests that have not ended, and frees the decoder.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref disposed, 1) != 0)
        {
            return;
        }

        stopping = true;
        queue.Close();
        thread.Join();
        queue.Dispose();
        metrics.Dispose();
        current.Dispose();
        next.Dispose();
        decoder.Dispose();
    }

    private (long Expanded, long Absorbed) LatentTokens => (decoder.Latent?.ExpandedTokens ?? 0, decoder.Latent?.AbsorbedTokens ?? 0);

    private void Check(GenerationRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        ObjectDisposedException.ThrowIf(disposed != 0 || fault is not null, this);
        if (request.Prompt.IsDefaultOrEmpty)
        {
            throw new ArgumentException("A prompt has at least one token.", nameof(request));
        }

        foreach (int token in request.Prompt)
        {
            if ((uint)token >= (uint)Config.VocabularySize)
            {
                throw new ArgumentException($"Token {token} is not from 0 to {Config.VocabularySize - 1}.", nameof(request));
            }
        }

        // The last generated token is not run, so it needs no room.
        if (request.MaxTokens < 1 || request.MaxTokens - 1L + request.Prompt.Length > MaxContext)
        {
            throw new ArgumentException(
                request.Prompt.Length > MaxContext
                    ? $"The prompt has {request.Prompt.Length} tokens; the context has {MaxContext}."
                    : $"{request.MaxTokens} tokens were asked for; after a prompt of {request.Prompt.Length} tokens, 1 to "
                        + $"{MaxContext - request.Prompt.Length + 1} can be generated.",
                nameof(request));
        }

        if (request.Stop.IsDefault || request.Stop.Any(string.IsNullOrEmpty))
        {
            throw new ArgumentException("A stop string is empty.", nameof(request));
        }

        if (request.Logprobs is < 0)
        {
            throw new ArgumentException("A negative number of logprobs was asked for.", nameof(request));
        }

        request.Sampling.Check();
    }

    private void Loop()
    {
        try
        {
            bool isUnderWay = false;
            while (!stopping && (isUnderWay || !scheduler.IsIdle || queue.Wait()))
            {
                while (queue.TryTake(out EngineSequence? sequence))
                {
                    sequence!.Arrival = arrivals++;
                    scheduler.Add(sequence);
                }

                DropCancelled();
                if (!isUnderWay)
                {
                    scheduler.Plan();
                    if (scheduler.Step.Count == 0 && !scheduler.IsIdle)
                    {
                        throw new UnreachableException("There are requests, but none of them can run.");
                    }

                    isUnderWay = scheduler.Step.Count > 0 && TryBegin(current);
                }

                if (isUnderWay)
                {
                    // The device goes on while the host looks at what it drew.
                    bool isAhead = scheduler.TryPlanAhead() && TryBegin(next);
                    pagesUsedAtMost = Math.Max(pagesUsedAtMost, pages.Statistics.Used);
                    End(current, isAhead);
                    (current, next) = (next, current);
                    isUnderWay = isAhead;
                }

                Report();
            }
        }
        catch (Exception e)
        {
            // Not to be thrown on a thread without a caller: every request gets it.
            fault = e;
        }

        queue.Close();
        while (queue.TryTake(out EngineSequence? sequence))
        {
            scheduler.Add(sequence!);
        }

        foreach (EngineSequence sequence in scheduler.All.ToArray())
        {
            End(sequence, FinishReason.Cancelled, fault);
        }

        Report();
    }

    private void DropCancelled()
    {
        foreach (EngineSequence sequence in scheduler.All.Where(sequence => sequence.Output.IsCancelled).ToArray())
        {
            End(sequence, FinishReason.Cancelled);
        }
    }

    /// <summary>Enqueues the step that is planned.</summary>
    /// <returns>False if the device failed: its requests have ended then.</returns>
    private bool TryBegin(PackedStep step)
    {
        steps++;
        try
        {
            step.Begin(scheduler.Step);
            return true;
        }
        catch (Exception e) when (IsOfStep(e))
        {
            Fail(scheduler.Step.ToArray(), e);
            return false;
        }
    }

    /// <summary>Waits for a step, and takes what it gives.</summary>
    /// <param name="step">The step.</param>
    /// <param name="isAhead">Whether the next one has begun with the tokens of this.</param>
    private void End(PackedStep step, bool isAhead)
    {
        try
        {
            step.End();
        }
        catch (Exception e) when (IsOfStep(e))
        {
            Fail(step.Entries.Select(entry => entry.Sequence), e);
            return;
        }

        foreach (StepEntry entry in step.Entries)
        {
            EngineSequence sequence = entry.Sequence;
            if (!isAhead)
            {
                sequence.UnreadRow = null;
            }

            if (sequence.HasEnded)
            {
                continue;
            }

            // The last known token of a text that goes on is a generated one.
            promptTokens += entry.Planned - (entry.HasRows && sequence.Generated > 0 ? 1 : 0);
            if (sequence.Embedding is not null)
            {
                if (decoder.Length(sequence.Slot) == sequence.Tokens.Length)
                {
                    End(sequence, FinishReason.Stop);
                }
            }
            else if (entry.HasRows)
            {
                Accept(step, entry);
            }
            else
            {
                Publish(sequence);
            }
        }
    }

    private static bool IsOfStep(Exception e) => e is (ComputeException and not DeviceLostException) or NotFiniteException;

    private void Fail(IEnumerable<EngineSequence> sequences, Exception e)
    {
        foreach (EngineSequence sequence in sequences.Where(sequence => !sequence.HasEnded))
        {
            End(sequence, FinishReason.Cancelled, e);
        }
    }

    /// <summary>Takes the token of each row, as long as the guesses were right.</summary>
    private void Accept(PackedStep step, StepEntry entry)
    {
        EngineSequence sequence = entry.Sequence;
        int before = sequence.Generated;
        int cached = sequence.Tokens.Length;
        FinishReason? finish = null;
        int right = 0;
        try
        {
            while (true)
            {
                int token = step.Next(entry, right);
                finish = sequence.Accept(token);
                if (finish is not null || right == sequence.Draft.Count || sequence.Draft[right] != token)
                {
                    break;
                }

                right++;
            }
        }
        catch (Exception e) when (e is ArgumentException or InvalidOperationException)
        {
            // Logits that are not numbers, or a mask that no token fits or that is too large.
            End(sequence, FinishReason.Cancelled, e);
            return;
        }

        generatedTokens += sequence.Generated - before;
        draftTokens += sequence.Draft.Count;
        acceptedDraftTokens += right;
        if (right < sequence.Draft.Count)
        {
            pages.Truncate(sequence.Slot, cached + right);
        }

        Publish(sequence);
        if (finish is { } reason)
        {
            End(sequence, reason);
        }
    }

    private void Publish(EngineSequence sequence)
    {
        if (options.ReusePrefixes)
        {
            pages.Publish(sequence.Slot, sequence.Tokens[..Math.Min(sequence.Tokens.Length, decoder.Length(sequence.Slot))]);
        }
    }

    private void End(EngineSequence sequence, FinishReason reason, Exception? error = null)
    {
        scheduler.Remove(sequence);
        sequence.HasEnded = true;
        ended.Add((sequence, reason, error));
    }

    /// <summary>Publishes the figures, and only then tells the senders: who sees the end of a request sees its pages freed.</summary>
    private void Report()
    {
        EngineStatistics previous = statistics;
        ends += ended.Count;
        EngineStatistics now = Snapshot();
        statistics = now;
        metrics.Step(previous, now);
        foreach ((EngineSequence sequence, FinishReason finish, Exception? error) in ended)
        {
            queue.Leave();
            metrics.Ended(sequence, error is null ? Name(finish) : "error", error);
            if (error is null)
            {
                sequence.End(finish);
            }
            else
            {
                sequence.Fail(error);
            }
        }

        ended.Clear();
    }

    private EngineStatistics Snapshot()
    {
        PagePoolStatistics now = pages.Statistics;
        return new EngineStatistics
        {
            Running = scheduler.Running,
            Preempted = scheduler.Preempted,
            PagesUsed = now.Used,
            PagesFree = now.Available,
            PagesUsedAtMost = pagesUsedAtMost,
            Steps = steps,
            Requests = ends,
            PromptTokens = promptTokens,
            ReusedTokens = scheduler.ReusedTokens,
            GeneratedTokens = generatedTokens,
            ExpandedTokens = LatentTokens.Expanded - earlierTokens.Expanded,
            AbsorbedTokens = LatentTokens.Absorbed - earlierTokens.Absorbed,
            DraftTokens = draftTokens,
            AcceptedDraftTokens = acceptedDraftTokens,
            Preemptions = scheduler.Preemptions,
        };
    }

    private static string Name(FinishReason reason) => reason switch
    {
        FinishReason.Stop => "stop",
        FinishReason.Length => "length",
        _ => "cancelled",
    };
}
