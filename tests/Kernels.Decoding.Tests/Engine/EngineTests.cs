using System.Collections.Immutable;
using System.Diagnostics.Metrics;
using System.Text.Json;
using Kernels.OpenCL;
using Xunit;

namespace Kernels.Decoding.Tests;

[Collection(DeviceCollection.Name)]
public class EngineTests(Devices devices)
{
    /// <summary>Set to 1 by <c>tests/run.sh --full</c>: many requests are then more.</summary>
    private const string LongTestsVariable = "FULL";

    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(3);

    /// <summary>Whether tokens are drawn on the device whatever it is, and steps begin before the last one's tokens are known.</summary>
    protected virtual bool DrawsOnDevice => false;

    [SkippableTheory]
    [InlineData("llama-gqa", Preemption.SwapOut, false, 0)]
    [InlineData("llama-gqa", Preemption.SwapOut, true, 0)]
    [InlineData("llama-gqa", Preemption.SwapOut, true, 4)]
    [InlineData("llama-gqa", Preemption.Recompute, false, 4)]
    [InlineData("llama-gqa", Preemption.Recompute, true, 0)]
    [InlineData("llama-gqa", Preemption.Recompute, true, 4)]
    [InlineData("gemma2-softcap-window", Preemption.SwapOut, true, 4)]
    [InlineData("phi3-longrope", Preemption.Recompute, false, 4)]
    [InlineData("phi3-longrope", Preemption.SwapOut, false, 0)]
    [InlineData("deepseek-v2-mla", Preemption.Recompute, true, 4)]
    [InlineData("deepseek-v3-mla", Preemption.SwapOut, true, 0)]
    [InlineData("deepseek-v3-mla", Preemption.SwapOut, true, 4, 6)]
    public async Task ConcurrentRequestsGiveWhatTheyGiveAlone(
        string model, Preemption preemption, bool reuse, int draft, int? expandFrom = null)
    {
        ComputeDevice device = devices.OpenFirst();
        GenerationRequest[] requests = EngineFixture.Requests(64, maxTokens: 30);
        int[][] expected = EngineFixture.OneByOne(device, model, requests);

        // All sequences at their ends would need several times these pages.
        using DecodingEngine engine = Start(
            device, model, sequences: 16, capacity: 96, pages: 20,
            new EngineOptions { StepTokens = 48, Preemption = preemption, ReusePrefixes = reuse, DraftTokens = draft }, expandFrom);
        GenerationResult[] results = await Run(engine, requests);

        for (int i = 0; i < requests.Length; i++)
        {
            Assert.Equal(expected[i], results[i].Tokens);
            Assert.Equal(FinishReason.Length, results[i].Finish);
            
            // Special tokens are no text.
            Assert.Equal(EngineFixture.Tokenizer.Decode([.. expected[i].Where(token => token != 0)]), results[i].Text);
        }

        EngineStatistics statistics = engine.Statistics;
        Assert.True(statistics.Preemptions > 0, "Nothing was preempted.");
        Assert.InRange(statistics.PagesUsedAtMost, 15, 20);
        Assert.Equal((0, 20, 0, 0), (statistics.PagesUsed, statistics.PagesFree, statistics.Running, statistics.Preempted));
        Assert.Equal((64, 64 * 30), (statistics.Requests, statistics.GeneratedTokens));
        Assert.Equal(reuse, statistics.ReusedTokens > 0);
        Assert.Equal(draft > 0, statistics.AcceptedDraftTokens > 0);
        Assert.Equal(engine.Config.Latent is not null, statistics.ExpandedTokens > 0 && statistics.AbsorbedTokens > 0);
        Assert.InRange(statistics.AcceptedDraftTokens, 0, statistics.DraftTokens);
    }

    /// <summary>
    /// Keys of long texts are others than those of short ones, so that beginnings are not shared; where no text is long, they are.
    /// </summary>
    [SkippableTheory]
    [InlineData(96, 0)]
    [InlineData(64, 32)]
    public async Task TextsThatTurnByTheirLengthShareNoBeginnings(int capacity, int reused)
    {
        using DecodingEngine engine = Start(devices.OpenFirst(), "phi3-longrope", sequences: 1, capacity, pages: 12);
        var request = new GenerationRequest([.. Enumerable.Range(0, 40)], 4) { IgnoreEnd = true };

        Generation first = engine.TrySubmit(request)!;
        GenerationResult result = await first.CompleteAsync();
        Generation second = engine.TrySubmit(request)!;

        Assert.Equal(result.Tokens.AsEnumerable(), (await second.CompleteAsync()).Tokens);
        Assert.Equal((0, reused), (first.ReusedTokens, second.ReusedTokens));
    }

    [SkippableFact]
    public async Task ARequestThatTakesAllPagesAndMoreThanAStepRunsAmongOthers()
    {
        ComputeDevice device = devices.OpenFirst();
        using DecodingEngine engine = Start(
            device, "llama-gqa", sequences: 4, capacity: 512, pages: 8, new EngineOptions { StepTokens = 8 });
        Assert.Equal(128, engine.MaxContext);
        GenerationRequest[] requests =
            [.. EngineFixture.Requests(6, maxTokens: 20), new([.. Enumerable.Range(0, 100)], 29) { IgnoreEnd = true }];

        GenerationResult[] results = await Run(engine, requests);

        Assert.Equal([20, 20, 20, 20, 20, 20, 29], results.Select(result => result.Tokens.Length));
        Assert.Equal(0, engine.Statistics.PagesUsed);
    }

    [SkippableFact]
    public async Task ALongPromptRunsInPiecesBesideTheTokensOfOthers()
    {
        ComputeDevice device = devices.OpenFirst();
        var steps = new List<(int Sequence, int Tokens)[]>();
        using DecodingEngine engine = StartWatched(
            device, capacity: 500, new EngineOptions { StepTokens = 20 }, (_, step) => steps.Add(step));
        Generation first = engine.TrySubmit(new GenerationRequest([7], 300) { IgnoreEnd = true })!;
        await Until(() => engine.Statistics.GeneratedTokens > 3);
        GenerationResult second = await engine.TrySubmit(
            new GenerationRequest([.. Enumerable.Range(0, 200)], 3) { IgnoreEnd = true })!.CompleteAsync();

        Assert.Equal(300, (await first.CompleteAsync()).Tokens.Length);
        Assert.Equal(3, second.Tokens.Length);
        Assert.InRange(steps.Max(step => step.Sum(part => part.Tokens)), 20, 20);

        // 200 tokens in pieces of 19: each beside a token of the first.
        Assert.Equal(11, steps.Count(step => step is [(_, 1), (_, > 1)]));
    }

    [SkippableTheory]
    [InlineData(Preemption.SwapOut)]
    [InlineData(Preemption.Recompute)]
    public async Task CancellationsAmidPreemptionDisturbNoOthers(Preemption preemption)
    {
        ComputeDevice device = devices.OpenFirst();
        GenerationRequest[] requests = EngineFixture.Requests(64, maxTokens: 30);
        int[][] expected = EngineFixture.OneByOne(device, "llama-gqa", requests);
        using DecodingEngine engine = Start(
            device, "llama-gqa", sequences: 16, capacity: 96, pages: 12, new EngineOptions
            {
                StepTokens = 48,
                Preemption = preemption,
                DraftTokens = 2,
            });
        var random = new Random(9);
        Task<List<int>>[] tasks = [.. requests.Select((request, i) => ReadAsync(request, i % 3 == 0 ? random.Next(0, 30) : 30))];
        List<int>[] results = await Task.WhenAll(tasks).WaitAsync(Patience);

        for (int i = 0; i < results.Length; i++)
        {
            Assert.Equal(i % 3 == 0 ? expected[i].Take(results[i].Count) : expected[i], results[i]);
        }

        await Until(() => engine.Statistics.Requests == 64);
        Assert.True(engine.Statistics.Preemptions > 0, "Nothing was preempted.");
        Assert.Equal((0, 12, 0), (engine.Statistics.PagesUsed, engine.Statistics.PagesFree, engine.Statistics.Preempted));

        async Task<List<int>> ReadAsync(GenerationRequest request, int count)
        {
            var tokens = new List<int>();
            Generation generation = engine.TrySubmit(request)!;
            if (count == 0)
            {
                generation.Cancel();
                return tokens;
            }

            await foreach (GenerationChunk chunk in generation.ReadAsync())
            {
                if (chunk.Token is { } token)
                {
                    tokens.Add(token);
                    if (count < 30 && tokens.Count == count)
                    {
                        break;
                    }
                }
            }

            return tokens;
        }
    }

    [SkippableFact]
    public async Task APromptThatWasSeenIsNotRunAgain()
    {
        ComputeDevice device = devices.OpenFirst();
        using DecodingEngine engine = Start(device, "llama-gqa", sequences: 2, capacity: 64, pages: 16);
        var request = new GenerationRequest([.. Enumerable.Range(5, 33)], 4) { IgnoreEnd = true };

        Generation first = engine.TrySubmit(request)!;
        GenerationResult result = await first.CompleteAsync();
        Generation second = engine.TrySubmit(request)!;

        Assert.Equal(result.Tokens.AsEnumerable(), (await second.CompleteAsync()).Tokens);
        Assert.Equal((0, 32), (first.ReusedTokens, second.ReusedTokens));
        Assert.Equal(34, engine.Statistics.PromptTokens);
    }

    [SkippableFact]
    public async Task CancelledRequestsFreeTheirPages()
    {
        ComputeDevice device = devices.OpenFirst();
        using DecodingEngine engine = Start(
            device, "llama-gqa", sequences: 2, capacity: 512, pages: 40, new EngineOptions { ReusePrefixes = false });
        GenerationRequest[] requests = [.. EngineFixture.Requests(4, maxTokens: 400)];
        Generation[] generations = [.. requests.Select(request => engine.TrySubmit(request)!)];

        // One that is read no further, one by its token, and two by their senders, of which at least one waits.
        await foreach (GenerationChunk chunk in generations[0].ReadAsync())
        {
            Assert.NotNull(chunk.Token);
            break;
        }

        using var cancellation = new CancellationTokenSource();
        Task<GenerationResult> second = generations[1].CompleteAsync(cancellation.Token);
        await cancellation.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => second);
        foreach (Generation generation in generations[2..])
        {
            generation.Cancel();
            GenerationResult result = await generation.CompleteAsync().WaitAsync(Patience);
            Assert.Equal(FinishReason.Cancelled, result.Finish);
            Assert.InRange(result.Tokens.Length, 0, 399);
        }

        await Until(() => engine.Statistics.Requests == 4);
        Assert.Equal((0, 40, 0), (engine.Statistics.PagesUsed, engine.Statistics.PagesFree, engine.QueueLength));
    }

    [SkippableFact]
    public async Task ManyRequestsLeaveNothingBehind()
    {
        ComputeDevice device = devices.OpenFirst();
        int count = Environment.GetEnvironmentVariable(LongTestsVariable) == "1" ? 10_000 : 2_000;
        using DecodingEngine engine = Start(
            // The first requests fill such steps, so that activations are as large as they get.
            device, "llama-gqa", sequences: 64, capacity: 32, pages: 64, new EngineOptions { QueueLimit = 100, StepTokens = 64 });
        await RunMany(300);
        long before = GC.GetTotalMemory(forceFullCollection: true);
        long deviceBefore = device.AllocatedBytes;

        await RunMany(count);

        long grown = GC.GetTotalMemory(forceFullCollection: true) - before;
        Assert.InRange(grown, long.MinValue, 1 << 20);

        // Activations grow to those of the largest step.
        Assert.InRange(device.AllocatedBytes - deviceBefore, 0, 1 << 16);
        Assert.Equal((0, 64, 300 + count), (engine.Statistics.PagesUsed, engine.Statistics.PagesFree, engine.Statistics.Requests));

        async Task RunMany(int requests)
        {
            var random = new Random(requests);
            var underWay = new Queue<Task<GenerationResult>>();
            for (int i = 0; i < requests; i++)
            {
                // Some are cancelled at once, some read no further than their first piece.
                Generation generation = await engine.SubmitAsync(
                    new GenerationRequest([.. Enumerable.Range(0, random.Next(1, 20)).Select(_ => random.Next(256))], random.Next(1, 5))
                    {
                        IgnoreEnd = true,
                    });
                if (i % 20 == 0)
                {
                    generation.Cancel();
                }

                underWay.Enqueue(generation.CompleteAsync());
                if (underWay.Count > 200)
                {
                    await underWay.Dequeue();
                }
            }

            await Task.WhenAll(underWay).WaitAsync(Patience);
        }
    }

    [SkippableFact]
    public async Task StopsBeforeStopStringsAndAtTokensThatEndATextAndStreamsNoPartOfThem()
    {
        ComputeDevice device = devices.OpenFirst();
        using DecodingEngine engine = Start(device, "stories-gqa", sequences: 2, capacity: 256, pages: 32);
        ImmutableArray<int> prompt = [0, .. EngineFixture.Tokenizer.Encode("One morning Mia")];
        string text = (await engine.TrySubmit(new GenerationRequest(prompt, 64))!.CompleteAsync()).Text;
        int end = text.IndexOf("small dog", StringComparison.Ordinal);
        Assert.True(end > 0, text);

        // "ll do" lies across tokens, and "small cat" begins like what comes.
        Generation generation = engine.TrySubmit(new GenerationRequest(prompt, 64) { Stop = ["ll do", "small cat"] })!;
        string streamed = "";
        FinishReason? finish = null;
        await foreach (GenerationChunk chunk in generation.ReadAsync())
        {
            streamed += chunk.Text;
            finish = chunk.Finish;
            Assert.StartsWith(streamed, text[..(end + 3)], StringComparison.Ordinal);
        }

        Assert.Equal((text[..(end + 3)], FinishReason.Stop), (streamed, finish!.Value));
        Assert.True(EngineFixture.Tokenizer.Encode(" small dog").Length > 1);
        Assert.Equal(0, engine.Statistics.PagesUsed);
    }

    [SkippableFact]
    public async Task DrawsTheSameTokensFromTheSameSeedBesideOthers()
    {
        ComputeDevice device = devices.OpenFirst();
        using DecodingEngine engine = Start(
            device, "stories-gqa", sequences: 8, capacity: 64, pages: 32, new EngineOptions { DraftTokens = 4 });
        GenerationRequest Request(int seed) => new([0, 5, 9], 24)
        {
            Sampling = new SamplingOptions { Temperature = 1.2, TopK = 50, TopP = 0.95, Seed = seed },
            IgnoreEnd = true,
        };
        GenerationResult[] results = await Run(engine, [Request(1), Request(2), Request(1), Request(3), Request(2)]);

        Assert.Equal(results[0].Text, results[2].Text);
        Assert.Equal(results[1].Text, results[4].Text);
        Assert.NotEqual(results[0].Text, results[1].Text);
        Assert.Equal(0, engine.Statistics.DraftTokens);
    }

    [SkippableFact]
    public async Task RefusesWhatCannotRunAndWhatTheQueueHasNoRoomFor()
    {
        ComputeDevice device = devices.OpenFirst();
        using var released = new ManualResetEventSlim();
        using DecodingEngine engine = StartWatched(
            device, capacity: 400, new EngineOptions { QueueLimit = 2 }, (_, _) => released.Wait(Patience), sequences: 1, pages: 25);
        Refused("at least one token", new GenerationRequest([], 1));
        Refused("Token 256 is not from 0 to 255", new GenerationRequest([256], 1));
        Refused("Token -1 is not", new GenerationRequest([-1], 1));
        Refused("0 tokens were asked for", new GenerationRequest([1], 0));
        Refused("1 to 400 can be generated", new GenerationRequest([1], 401));
        Refused("tokens were asked for", new GenerationRequest([1], int.MaxValue));
        Refused("The prompt has 401 tokens; the context has 400", new GenerationRequest([.. new int[401]], 1));
        Refused("A stop string is empty", new GenerationRequest([1], 1) { Stop = [""] });
        Refused("Top-p", new GenerationRequest([1], 1) { Sampling = new SamplingOptions { TopP = 0 } });

        var longOne = new GenerationRequest([1], 390) { IgnoreEnd = true };
        Generation running = engine.TrySubmit(longOne)!;
        await Until(() => engine.QueueLength == 0);
        Generation[] waiting = [engine.TrySubmit(longOne)!, engine.TrySubmit(longOne)!];
        Assert.Null(engine.TrySubmit(longOne));
        Assert.Equal(2, engine.QueueLength);
        released.Set();
        waiting[0].Cancel();
        await waiting[0].CompleteAsync().WaitAsync(Patience);
        Assert.NotNull(engine.TrySubmit(longOne));
        running.Cancel();

        void Refused(string message, GenerationRequest request) =>
            Assert.Contains(
                message, Assert.ThrowsAny<ArgumentException>(() => engine.TrySubmit(request)).Message, StringComparison.Ordinal);
    }

    [SkippableFact]
    public async Task DisposingCancelsWhatIsUnderWayAndFreesTheDevice()
    {
        ComputeDevice device = devices.OpenFirst();
        long before = device.AllocatedBytes;
        DecodingEngine engine = Start(device, "llama-gqa", sequences: 1, capacity: 400, pages: 25, new EngineOptions { QueueLimit = 1 });
        var request = new GenerationRequest([1], 390) { IgnoreEnd = true };
        Generation running = engine.TrySubmit(request)!;
        await Until(() => engine.QueueLength == 0);
        Generation waiting = engine.TrySubmit(request)!;
        Task<Generation> outside = engine.SubmitAsync(request);

        engine.Dispose();

        Assert.Equal(FinishReason.Cancelled, (await running.CompleteAsync()).Finish);
        Assert.Equal(FinishReason.Cancelled, (await waiting.CompleteAsync()).Finish);
        await Assert.ThrowsAsync<ObjectDisposedException>(() => outside);
        Assert.Throws<ObjectDisposedException>(() => engine.TrySubmit(request));
        Assert.Equal(before, device.AllocatedBytes);
        Assert.Null(engine.Fault);
    }

    /// <summary>An idle engine takes as many as run and as wait, however soon its thread looks.</summary>
    [SkippableFact]
    public async Task AnIdleEngineTakesAsManyAsRunAndAsWait()
    {
        ComputeDevice device = devices.OpenFirst();
        using DecodingEngine engine = Start(
            device, "llama-gqa", sequences: 4, capacity: 400, pages: 100, new EngineOptions { QueueLimit = 4 });
        var request = new GenerationRequest([1], 390) { IgnoreEnd = true };
        Generation?[] taken = [.. Enumerable.Range(0, 20).Select(_ => engine.TrySubmit(request))];
        Assert.Equal(8, taken.Count(generation => generation is not null));
        foreach (Generation? generation in taken)
        {
            generation?.Cancel();
        }

        await Until(() => engine.Statistics.Requests == 8);
        Assert.NotNull(engine.TrySubmit(request));
    }

    [SkippableFact]
    public async Task ChoicesOfAPromptShareItsPagesAndHaveSeedsOfTheirOwn()
    {
        ComputeDevice device = devices.OpenFirst();
        using DecodingEngine engine = Start(device, "stories-gqa", sequences: 4, capacity: 256, pages: 64);
        int[] prompt =
            [0, .. EngineFixture.Tokenizer.Encode(string.Concat(Enumerable.Repeat("One morning Mia skipped to the cellar. ", 6)))];
        var request = new GenerationRequest([.. prompt], 20)
        {
            IgnoreEnd = true,
            Sampling = new SamplingOptions { Temperature = 1.5, Seed = 4 },
        };
        ImmutableArray<Generation> choices = engine.TrySubmit(request, choices: 3);
        GenerationResult[] results = await Task.WhenAll(choices.Select(choice => choice.CompleteAsync())).WaitAsync(Patience);

        Assert.Equal(3, results.Select(result => result.Text).Distinct().Count());
        int pages = (prompt.Length - 1) / 16;
        Assert.Equal([0, pages * 16, pages * 16], choices.Select(choice => choice.ReusedTokens));
        Assert.Equal(prompt.Length + (2 * (prompt.Length - (pages * 16))), engine.Statistics.PromptTokens);
        GenerationResult second = await engine.TrySubmit(request with { Sampling = request.Sampling with { Seed = 5 } })!.CompleteAsync();
        Assert.Equal(results[1].Text, second.Text);
        Assert.Empty(engine.TrySubmit(request, choices: 1000));
    }

    [SkippableFact]
    public async Task StopTokensEndATextAndSpecialTokensDoNotShow()
    {
        ComputeDevice device = devices.OpenFirst();
        using DecodingEngine engine = Start(device, "stories-gqa", sequences: 1, capacity: 256, pages: 16);
        ImmutableArray<int> prompt = [0, .. EngineFixture.Tokenizer.Encode("One morning Mia")];
        GenerationResult all = await engine.TrySubmit(new GenerationRequest(prompt, 8))!.CompleteAsync();
        GenerationResult stopped = await engine.TrySubmit(
            new GenerationRequest(prompt, 8) { StopTokens = [all.Tokens[3]], IgnoreEnd = true })!.CompleteAsync();
        Assert.Equal((FinishReason.Stop, 3), (stopped.Finish, stopped.Tokens.Length));

        var ends = new SamplingOptions { LogitBias = ImmutableDictionary<int, double>.Empty.Add(0, 1000) };
        var special = new GenerationRequest(prompt, 3) { IgnoreEnd = true, Sampling = ends };
        GenerationResult hidden = await engine.TrySubmit(special)!.CompleteAsync();
        Assert.Equal("", hidden.Text);
        Assert.Equal([0, 0, 0], hidden.Tokens.ToArray());
        Assert.Equal(
            "<|endoftext|><|endoftext|><|endoftext|>", (await engine.TrySubmit(special with { ShownTokens = [0] })!.CompleteAsync()).Text);
        Assert.Equal(
            (FinishReason.Stop, 0),
            ((await engine.TrySubmit(special with { IgnoreEnd = false })!.CompleteAsync()) is var none
                ? (none.Finish, none.Tokens.Length) : default));
    }

    [SkippableFact]
    public async Task LogprobsComeWithEachToken()
    {
        ComputeDevice device = devices.OpenFirst();
        using DecodingEngine engine = Start(device, "stories-gqa", sequences: 1, capacity: 256, pages: 16);
        ImmutableArray<int> prompt = [0, .. EngineFixture.Tokenizer.Encode("One morning Mia")];
        GenerationResult result = await engine.TrySubmit(new GenerationRequest(prompt, 8) { Logprobs = 3 })!.CompleteAsync();
        Assert.Equal(result.Tokens, result.Logprobs.Select(figures => figures.Token));
        Assert.All(result.Logprobs, figures =>
        {
            Assert.Equal((3, figures.Token, figures.Logprob), (figures.Top.Length, figures.Top[0].Token, figures.Top[0].Logprob));
            Assert.True(figures.Top[0].Logprob >= figures.Top[1].Logprob && figures.Top[0].Logprob <= 0);
            Assert.InRange(figures.Top.Sum(top => Math.Exp(top.Logprob)), 0, 1.00001);
        });
        Assert.Empty((await engine.TrySubmit(new GenerationRequest(prompt, 8))!.CompleteAsync()).Logprobs);
    }

    [SkippableFact]
    public async Task AMaskHoldsTheTextToASchemaAlsoWithGuesses()
    {
        ComputeDevice device = devices.OpenFirst();
        using DecodingEngine engine = Start(
            device, "stories-gqa", sequences: 3, capacity: 256, pages: 48, new EngineOptions { DraftTokens = 4 });
        using JsonDocument schema = JsonDocument.Parse(
            """{"type":"object","properties":{"dog":{"enum":["small","big"]},"age":{"type":"integer"}},"required":["dog","age"],"additionalProperties":false}""");
        JsonGrammar grammar = JsonGrammar.FromSchema(schema.RootElement);
        ImmutableArray<int> prompt = [0, .. EngineFixture.Tokenizer.Encode("One morning Mia")];
        foreach (double temperature in (double[])[0, 1.5])
        {
            var request = new GenerationRequest(prompt, 120)
            {
                Mask = () => new JsonTokenMask(EngineFixture.Tokenizer, grammar),
                Sampling = new SamplingOptions { Temperature = temperature, Seed = 2 },
            };
            foreach (Generation choice in engine.TrySubmit(request, choices: 2))
            {
                GenerationResult result = await choice.CompleteAsync().WaitAsync(Patience);
                Assert.Equal(FinishReason.Stop, result.Finish);
                using JsonDocument reply = JsonDocument.Parse(result.Text);
                Assert.Contains(reply.RootElement.GetProperty("dog").GetString(), new[] { "small", "big" });
                Assert.Equal(JsonValueKind.Number, reply.RootElement.GetProperty("age").ValueKind);
            }
        }

        Assert.Equal(0, engine.Statistics.PagesUsed);
    }

    /// <summary>The vector is that of the final norm, however the prompt is cut into steps and whatever runs beside it.</summary>
    [SkippableTheory]
    [InlineData(EmbeddingPooling.Mean)]
    [InlineData(EmbeddingPooling.LastToken)]
    public async Task EmbedsTextsBesideOtherRequests(EmbeddingPooling pooling)
    {
        ComputeDevice device = devices.OpenFirst();
        int[] tokens = [0, .. EngineFixture.Tokenizer.Encode(string.Concat(Enumerable.Repeat("Mia put the gold book in the drawer. ", 9)))];
        var vectors = new float[tokens.Length * 192];
        using (Decoder decoder = Decoder.Load(device, TestData.Folder("stories-gqa"), 1, 256))
        {
            decoder.Forward(tokens, [(0, tokens.Length)], [], [], [.. Enumerable.Range(0, tokens.Length)], vectors);
        }

        double[] expected = [.. Enumerable.Range(0, 192).Select(i => pooling == EmbeddingPooling.Mean
            ? Enumerable.Range(0, tokens.Length).Sum(t => (double)vectors[(t * 192) + i]) : vectors[((tokens.Length - 1) * 192) + i])];
        double norm = Math.Sqrt(expected.Sum(x => x * x));

        // Few pages, so that sequences give way to each other and run again.
        using DecodingEngine engine = Start(
            device, "stories-gqa", sequences: 4, capacity: 192, pages: 14, new EngineOptions
            {
                StepTokens = 32,
                Preemption = Preemption.Recompute,
            });
        Task<GenerationResult>[] others =
            [.. Enumerable.Range(0, 3)
                .Select(i => engine.TrySubmit(new GenerationRequest([0, 7, 9 + i], 80) { IgnoreEnd = true })!.CompleteAsync())];
        float[] vector = (await engine.EmbedAsync([.. tokens], pooling).WaitAsync(Patience))!;
        await Task.WhenAll(others).WaitAsync(Patience);

        Assert.Equal(192, vector.Length);
        Assert.All(vector.Zip(expected), pair => Assert.Equal(pair.Second / norm, pair.First, 1e-3));
        Assert.Equal((0, 4L), (engine.Statistics.PagesUsed, engine.Statistics.Requests));
        await Assert.ThrowsAsync<ArgumentException>(() => engine.EmbedAsync([.. new int[500]], pooling));
    }

    [SkippableFact]
    public async Task CountsForMeters()
    {
        ComputeDevice device = devices.OpenFirst();
        var sums = new Dictionary<string, double>(StringComparer.Ordinal);
        using var listener = new MeterListener();
        listener.InstrumentPublished = (instrument, l) =>
        {
            if (instrument.Meter.Name == "Kernels.Decoding")
            {
                l.EnableMeasurementEvents(instrument);
            }
        };
        listener.SetMeasurementEventCallback<long>((instrument, value, _, _) => Count(instrument, value));
        listener.SetMeasurementEventCallback<double>((instrument, _, _, _) => Count(instrument, 1));
        listener.SetMeasurementEventCallback<int>((instrument, value, _, _) => Count(instrument, value));
        listener.Start();
        using DecodingEngine engine = Start(device, "llama-gqa", sequences: 2, capacity: 64, pages: 8);
        await Run(engine, [new([1, 2, 3], 5) { IgnoreEnd = true }, new([4], 2) { IgnoreEnd = true }]);
        listener.RecordObservableInstruments();

        Assert.Equal(2, sums["kernels.decoding.requests"]);
        Assert.Equal(4, sums["kernels.decoding.tokens.prompt"]);
        Assert.Equal(7, sums["kernels.decoding.tokens.generated"]);
        Assert.Equal(2, sums["gen_ai.server.time_to_first_token"]);
        Assert.Equal(0, sums["kernels.decoding.queue.length"]);
        Assert.Equal(8, sums["kernels.decoding.pages.free"]);
        Assert.Equal(0, sums["kernels.decoding.preemptions"]);

        void Count(Instrument instrument, double value)
        {
            lock (sums)
            {
                sums[instrument.Name] = sums.GetValueOrDefault(instrument.Name) + value;
            }
        }
    }

    [SkippableFact]
    public async Task AStepThatFailsEndsItsRequestsAndNoOthers()
    {
        ComputeDevice device = devices.OpenFirst();
        using DecodingEngine engine = StartFailing(device, failingStep: 3, () => device.Allocate<byte>(1L << 60));
        var request = new GenerationRequest([1, 2, 3], 5) { IgnoreEnd = true };

        await Assert.ThrowsAnyAsync<ComputeException>(() => engine.TrySubmit(request)!.CompleteAsync().WaitAsync(Patience));
        Assert.Equal((0, 1), (engine.Statistics.PagesUsed, engine.Statistics.Requests));
        Assert.Null(engine.Fault);
        Assert.Equal(5, (await engine.TrySubmit(request)!.CompleteAsync()).Tokens.Length);
    }

    [SkippableFact]
    public async Task AnUnknownFailureEndsTheEngineAndAllItsRequests()
    {
        ComputeDevice device = devices.OpenFirst();
        using DecodingEngine engine = StartFailing(device, failingStep: 3, () => throw new InvalidOperationException("as the test wants"));
        var request = new GenerationRequest([1, 2, 3], 100) { IgnoreEnd = true };
        Task<GenerationResult>[] results =
            [.. Enumerable.Range(0, 3).Select(_ => engine.SubmitAsync(request)).Select(async g => await (await g).CompleteAsync())];

        foreach (Task<GenerationResult> result in results)
        {
            Exception error = await Assert.ThrowsAnyAsync<InvalidOperationException>(() => result.WaitAsync(Patience));
            Assert.True(error is ObjectDisposedException || error.Message == "as the test wants", error.Message);
        }

        Assert.Equal("as the test wants", engine.Fault!.Message);
        Assert.Throws<ObjectDisposedException>(() => engine.TrySubmit(request));
        Assert.Equal((0, 0), (engine.Statistics.PagesUsed, engine.QueueLength));
    }

    [SkippableFact]
    public void NeedsAPagedCacheAndAStepThatHasATokenForEachSequence()
    {
        ComputeDevice device = devices.OpenFirst();
        using Decoder contiguous = Decoder.Load(device, TestData.Folder("llama-gqa"), sequences: 2, capacity: 32);
        using Decoder paged = Decoder.Load(
            device, TestData.Folder("llama-gqa"), sequences: 2, capacity: 32, AttentionCatalog.With(CacheKind.Paged));

        Assert.Contains(
            "contiguous", Assert.Throws<ArgumentException>(() => new DecodingEngine(contiguous, EngineFixture.Tokenizer)).Message,
            StringComparison.Ordinal);
        foreach (EngineOptions options in (EngineOptions[])[new() { StepTokens = 1 }, new() { QueueLimit = 0 }, new() { DraftTokens = -1 },
            new() { Preemption = (Preemption)7 }])
        {
            Assert.Throws<ArgumentOutOfRangeException>(() => new DecodingEngine(paged, EngineFixture.Tokenizer, options));
        }
    }

    private DecodingEngine Start(
        ComputeDevice device, string model, int sequences, int capacity, int pages, EngineOptions? options = null,
        int? expandFrom = null) =>
        EngineFixture.Start(device, model, sequences, capacity, pages, options, expandFrom, DrawsOnDevice);

    private DecodingEngine StartFailing(ComputeDevice device, int failingStep, Action fail) =>
        StartWatched(device, 128, new EngineOptions(), (step, _) =>
    {
        if (step == failingStep)
        {
            fail();
        }
    });

    private DecodingEngine StartWatched(
        ComputeDevice device, int capacity, EngineOptions options, Action<int, (int Sequence, int Tokens)[]> watch, int sequences = 2,
        int pages = 64)
    {
        Decoder decoder = Decoder.Load(
            device, TestData.Folder("llama-gqa"), sequences, capacity,
            (d, config, count, length) => new WatchedAttention(AttentionCatalog.WithPages(pages)(d, config, count, length), watch));
        decoder.DrawsOnDevice |= DrawsOnDevice;
        return new(decoder, EngineFixture.Tokenizer, options);
    }

    private static async Task<GenerationResult[]> Run(DecodingEngine engine, GenerationRequest[] requests)
    {
        Task<GenerationResult>[] tasks = [.. requests.Select(async request => await (await engine.SubmitAsync(request)).CompleteAsync())];
        return await Task.WhenAll(tasks).WaitAsync(Patience);
    }

    private static async Task Until(Func<bool> condition)
    {
        using var patience = new CancellationTokenSource(Patience);
        while (!condition())
        {
            await Task.Delay(5, patience.Token);
        }
    }
}
