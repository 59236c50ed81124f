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
    private readonly PackedStep step;
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
        pages = decoder.Pages ?? throw new ArgumentException("The decoder's cache is contiguous; expected a paged one.", nameof(decoder));
        MaxContext = (int)Math.Min(decoder.Capacity, (long)pages.PageCount * pages.PageSize);
        earlierTokens = LatentTokens;
        AttentionKernels = [.. decoder.DescribeAttention()];
        queue = new RequestQueue(this.options.QueueLimit);
        step = new PackedStep(decoder);
        scheduler = new Scheduler(decoder, this.options) { LeftQueue = queue.Leave };
        statistics = Snapshot();
        metrics = new EngineMetrics(() => queue.Length, () => statistics);
        thread = new Thread(Loop) { IsBackground = true, Name = "decoding engine" };
        thread.Start();
    }

    /// <summary>The model.</summary>
    public ModelConfig Config => decoder.Config;

    /// <summary>The most tokens of a prompt and its continuation together.</summary>
    public int MaxContext { get; }

    /// <summary>Which attention kernels run and why, for people: a line for each attention type that was prepared when the engine started.</summary>
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
    public Generation? TrySubmit(GenerationRequest request)
    {
        EngineSequence sequence = Create(request);
        return queue.TryAdd(sequence) ? sequence.Output : null;
    }

    /// <summary>Hands a request in when there is room in the queue.</summary>
    /// <inheritdoc cref="TrySubmit"/>
    public async Task<Generation> SubmitAsync(GenerationRequest request, CancellationToken cancellation = default)
    {
        EngineSequence sequence = Create(request);
        await queue.AddAsync(sequence, cancellation).ConfigureAwait(false);
        return sequence.Output;
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
        decoder.Dispose();
    }

    private (long Expanded, long Absorbed) LatentTokens => (decoder.Latent?.ExpandedTokens ?? 0, decoder.Latent?.AbsorbedTokens ?? 0);

    private EngineSequence Create(GenerationRequest request)
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
                    : $"{request.MaxTokens} tokens were asked for; after a prompt of {request.Prompt.Length} tokens, 1 to {MaxContext - request.Prompt.Length + 1} can be generated.",
                nameof(request));
        }

        if (request.Stop.IsDefault || request.Stop.Any(string.IsNullOrEmpty))
        {
            throw new ArgumentException("A stop string is empty.", nameof(request));
        }

        if (request.StopTokens.IsDefault)
        {
            throw new ArgumentException("The tokens that end the text are not given.", nameof(request));
        }

        return new EngineSequence(request, tokenizer);
    }

    private void Loop()
    {
        try
        {
            while (!stopping && (!scheduler.IsIdle || queue.Wait()))
            {
                while (queue.TryTake(out EngineSequence? sequence))
                {
                    sequence!.Arrival = arrivals++;
                    scheduler.Add(sequence);
                }

                DropCancelled();
                scheduler.Plan();
                pagesUsedAtMost = Math.Max(pagesUsedAtMost, pages.Statistics.Used);
                if (scheduler.Step.Count > 0)
                {
                    RunStep();
                }
                else if (!scheduler.IsIdle)
                {
                    throw new UnreachableException("There are requests, but none of them can run.");
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

    private void RunStep()
    {
        steps++;
        try
        {
            step.Run(scheduler.Step);
        }
        catch (Exception e) when (e is (ComputeException and not DeviceLostException) or NotFiniteException)
        {
            foreach (EngineSequence sequence in scheduler.Step)
            {
                End(sequence, FinishReason.Cancelled, e);
            }

            return;
        }

        for (int i = 0; i < scheduler.Step.Count; i++)
        {
            EngineSequence sequence = scheduler.Step[i];
            ReadOnlySpan<float> logits = step.LogitsOf(i);

            // The last known token of a text that goes on is a generated one.
            promptTokens += sequence.Planned - (!logits.IsEmpty && sequence.Generated > 0 ? 1 : 0);
            if (logits.IsEmpty)
            {
                Publish(sequence);
            }
            else
            {
                Accept(sequence, logits);
            }
        }
    }

    /// <summary>Takes the token that each row of logits gives, as long as the guesses were right.</summary>
    private void Accept(EngineSequence sequence, ReadOnlySpan<float> logits)
    {
        int vocabulary = Config.VocabularySize;
        int before = sequence.Generated;
        int cached = sequence.Tokens.Length;
        FinishReason? finish = null;
        int right = 0;
        try
        {
            while (true)
            {
                int token = sequence.Next(logits.Slice(right * vocabulary, vocabulary));
                finish = sequence.Accept(token, Config.EosTokenIds.Contains(token) || sequence.Request.StopTokens.Contains(token));
                if (finish is not null || right == sequence.Draft.Count || sequence.Draft[right] != token)
                {
                    break;
                }

                right++;
            }
        }
        catch (ArgumentException e)
        {
            // Logits that are not numbers.
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
            metrics.Ended(sequence, error is null ? Name(finish) : "error");
            if (error is null)
            {
                sequence.End(finish);
            }
            else
            {
                sequence.Output.Complete(error);
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
