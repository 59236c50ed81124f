using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Text.Json;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.DependencyInjection;

namespace Kernels.Serving.Tests;

/// <summary>The model in the same process, through Microsoft.Extensions.AI and by itself.</summary>
public sealed class ChatClientTests(StoriesServer server) : IClassFixture<StoriesServer>
{
    [SkippableFact]
    public async Task ChatsStreamsAndTellsItsUsage()
    {
        using var client = new KernelsChatClient(server.Model);
        var options = new ChatOptions { MaxOutputTokens = 8, Temperature = 0, Instructions = "Be brief." };
        ChatResponse reply = await client.GetResponseAsync("Hello", options);
        Assert.Equal((ChatFinishReason.Length, 8L), (reply.FinishReason, reply.Usage!.OutputTokenCount));
        Assert.Equal(1L + EngineFixture.Tokenizer.Encode("system: Be brief.\nuser: Hello\nassistant:").Length, reply.Usage.InputTokenCount);
        Assert.Equal(("local/stories", ChatRole.Assistant), (reply.ModelId, reply.Messages[0].Role));
        List<string> pieces = [];
        await foreach (ChatResponseUpdate update in client.GetStreamingResponseAsync("Hello", options))
        {
            pieces.Add(update.Text);
        }

        Assert.True(pieces.Count > 3);
        Assert.Equal(reply.Text, string.Concat(pieces));
        Assert.Equal("kernels", client.GetService<ChatClientMetadata>()!.ProviderName);
        Assert.Same(server.Model, client.GetService<LanguageModel>());
    }

    [SkippableFact]
    public async Task CallsToolsAndTakesTheirResults()
    {
        using IChatClient client = new KernelsChatClient(server.Model).AsBuilder().Build();
        AIFunction add = AIFunctionFactory.Create((int a, bool b) => a + (b ? 1 : 0), "add");
        ChatResponse asked = await client.GetResponseAsync(
            "Hello", new ChatOptions { Tools = [add], ToolMode = ChatToolMode.RequireSpecific("add"), MaxOutputTokens = 100 });
        Assert.Equal(ChatFinishReason.ToolCalls, asked.FinishReason);
        FunctionCallContent call = Assert.Single(asked.Messages[0].Contents.OfType<FunctionCallContent>());
        Assert.Equal(["a", "b"], call.Arguments!.Keys.Order());
        object? result = await add.InvokeAsync(new AIFunctionArguments(call.Arguments));
        ChatResponse after = await client.GetResponseAsync(
            [new(ChatRole.User, "Hello"), .. asked.Messages, new(ChatRole.Tool, [new FunctionResultContent(call.CallId, result)])],
            new ChatOptions { Tools = [add], MaxOutputTokens = 5 });
        Assert.True(after.Usage!.InputTokenCount > asked.Usage!.InputTokenCount);
    }

    [SkippableFact]
    public async Task RepliesInJsonOfASchema()
    {
        using var client = new KernelsChatClient(server.Model);
        ChatResponse<ClientTests.Answer> reply = await client.GetResponseAsync<ClientTests.Answer>(
            "Hello", new ChatOptions { MaxOutputTokens = 200, Seed = 5 });
        Assert.True(Enum.IsDefined(reply.Result.Where));
        Assert.Equal(ChatFinishReason.Stop, reply.FinishReason);
    }

    [SkippableFact]
    public async Task RefusesByNameWhatItDoesNotDo()
    {
        using var client = new KernelsChatClient(server.Model);
        await Refused("ConversationId", new ChatOptions { ConversationId = "1" });
        await Refused("ModelId", new ChatOptions { ModelId = "gpt-5" });
        await Refused("mirostat", new ChatOptions { AdditionalProperties = new() { ["mirostat"] = 1 } });
        await Refused("HostedWebSearchTool", new ChatOptions { Tools = [new HostedWebSearchTool()] });
        await Assert.ThrowsAsync<NotSupportedException>(
            () => client.GetResponseAsync(new ChatMessage(ChatRole.User, [new UriContent("https://example.com/a.png", "image/png")])));
        await Assert.ThrowsAnyAsync<ArgumentException>(() => client.GetResponseAsync("x", new ChatOptions { Temperature = -1 }));
        await Assert.ThrowsAnyAsync<ArgumentException>(() => client.GetResponseAsync(string.Concat(Enumerable.Repeat("word ", 3000))));
        using var schema = JsonDocument.Parse("""{"type":"string","pattern":"a"}""");
        await Assert.ThrowsAsync<JsonSchemaException>(
            () => client.GetResponseAsync("x", new ChatOptions { ResponseFormat = ChatResponseFormat.ForJsonSchema(schema.RootElement) }));

        async Task Refused(string name, ChatOptions options) =>
            Assert.Contains(
                name, (await Assert.ThrowsAsync<NotSupportedException>(() => client.GetResponseAsync("x", options))).Message,
                StringComparison.Ordinal);
    }

    [SkippableFact]
    public async Task CancellingEndsTheWork()
    {
        using var client = new KernelsChatClient(server.Model);
        using var cancellation = new CancellationTokenSource();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
        {
            await foreach (ChatResponseUpdate _ in client.GetStreamingResponseAsync(
                "Hello", new ChatOptions
                {
                    MaxOutputTokens = 900,
                    AdditionalProperties = new() { ["ignore_eos"] = true },
                }, cancellation.Token))
            {
                await cancellation.CancelAsync();
            }
        });
        using var patience = new CancellationTokenSource(TimeSpan.FromMinutes(1));
        while (server.Engine.Statistics is not { Running: 0, PagesUsed: 0 })
        {
            await Task.Delay(5, patience.Token);
        }
    }

    [SkippableFact]
    public async Task TellsMetersAndTracesByTheConventions()
    {
        server.SkipWithoutDevice();
        var seen = new List<(string Name, double Value, string? Operation, object? Model, object? Type)>();
        using var listener = new MeterListener();
        listener.InstrumentPublished = (instrument, l) =>
        {
            if (instrument.Meter.Name == "Kernels.Decoding" && instrument.Name.StartsWith("gen_ai.", StringComparison.Ordinal))
            {
                l.EnableMeasurementEvents(instrument);
            }
        };
        listener.SetMeasurementEventCallback<double>((instrument, value, tags, _) => Add(instrument, value, tags));
        listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => Add(instrument, value, tags));
        listener.Start();
        var activities = new List<Activity>();
        using var traces = new ActivityListener
        {
            ShouldListenTo = source => source.Name == "Kernels.Decoding",
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllData,
            ActivityStopped = activity => { lock (activities) { activities.Add(activity); } },
        };
        ActivitySource.AddActivityListener(traces);
        using var client = new KernelsChatClient(server.Model);
        ChatResponse reply = await client.GetResponseAsync("Hello there", new ChatOptions { MaxOutputTokens = 7, Temperature = 0 });

        lock (seen)
        {
            Assert.Contains(
                seen, m => m.Name == "gen_ai.client.operation.duration" && m.Operation == "chat" && (string?)m.Model == "local/stories"
                    && m.Value > 0);
            Assert.Contains(seen, m => m.Name == "gen_ai.client.token.usage" && (string?)m.Type == "output" && m.Value == 7);
            Assert.Contains(
                seen, m => m.Name == "gen_ai.client.token.usage" && (string?)m.Type == "input" && m.Value == reply.Usage!.InputTokenCount);
            Assert.Contains(seen, m => m.Name == "gen_ai.server.time_to_first_token" && m.Operation == "chat");
            Assert.Contains(seen, m => m.Name == "gen_ai.server.time_per_output_token" && m.Operation == "chat");
            Assert.Contains(seen, m => m.Name == "gen_ai.server.request.duration" && m.Operation == "chat");
        }

        lock (activities)
        {
            Activity activity = Assert.Single(activities, a => (int?)a.GetTagItem("gen_ai.request.max_tokens") == 7);
            Assert.Equal("chat local/stories", activity.DisplayName);
            Assert.Equal(
                (7L, "length"),
                ((long)activity.GetTagItem(
                    "gen_ai.usage.output_tokens")!, ((string[])activity.GetTagItem("gen_ai.response.finish_reasons")!)[0]));
        }

        void Add(Instrument instrument, double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
        {
            string? operation = null;
            object? model = null;
            object? type = null;
            foreach ((string key, object? tag) in tags)
            {
                operation = key == "gen_ai.operation.name" ? (string?)tag : operation;
                model = key == "gen_ai.request.model" ? tag : model;
                type = key == "gen_ai.token.type" ? tag : type;
            }

            lock (seen)
            {
                seen.Add((instrument.Name, value, operation, model, type));
            }
        }
    }

    [SkippableFact]
    public async Task AModelIsLoadedFromItsFolderInOneLine()
    {
        server.SkipWithoutDevice();
        using var model = LanguageModel.Load(TestData.Folder("stories-gqa"), new LanguageModelOptions { Sequences = 2, Context = 256 });
        string text = "";
        await foreach (string piece in model.GenerateAsync(
            "One morning Mia", new GenerationOptions { MaxTokens = 12, Sampling = new SamplingOptions() }))
        {
            text += piece;
        }

        Assert.StartsWith(" skipped to the cellar", text, StringComparison.Ordinal);
        Assert.Equal("stories-gqa", model.Name);
        Assert.Equal(192, (await model.EmbedAsync("a cold day")).Length);

        // It has no template, so that nothing tells it of tools.
        var tools = new ChatOptions { Tools = [AIFunctionFactory.Create((int a) => a, "same")] };
        using var chat = new KernelsChatClient(model);
        Assert.Contains(
            "knows no tools", (await Assert.ThrowsAsync<NotSupportedException>(() => chat.GetResponseAsync("Hello", tools))).Message,
            StringComparison.Ordinal);
        model.Dispose();
        await Assert.ThrowsAsync<ObjectDisposedException>(async () =>
        {
            await foreach (string _ in model.GenerateAsync("x"))
            {
            }
        });
    }

    [SkippableFact]
    public async Task DependencyInjectionGivesAClientAndAGeneratorOfOneModel()
    {
        server.SkipWithoutDevice();
        string folder = TestData.Folder("stories-gqa");
        var services = new ServiceCollection();
        services.AddKernelsChatClient(folder, new LanguageModelOptions { Sequences = 2, Context = 128 })
            .AddKernelsEmbeddingGenerator(folder);
        using ServiceProvider provider = services.BuildServiceProvider();
        IChatClient chat = provider.GetRequiredService<IChatClient>();
        IEmbeddingGenerator<string, Embedding<float>> generator =
            provider.GetRequiredService<IEmbeddingGenerator<string, Embedding<float>>>();
        Assert.Same(provider.GetRequiredService<LanguageModel>(), chat.GetService<LanguageModel>());
        Assert.Equal(3, (await chat.GetResponseAsync("Hello", new ChatOptions { MaxOutputTokens = 3 })).Usage!.OutputTokenCount);
        GeneratedEmbeddings<Embedding<float>> vectors = await generator.GenerateAsync(["a", "b"]);
        Assert.Equal((2, 192), (vectors.Count, vectors[0].Vector.Length));
        await Assert.ThrowsAsync<NotSupportedException>(
            () => generator.GenerateAsync(["a"], new EmbeddingGenerationOptions { Dimensions = 3 }));
    }

    [Theory]
    [InlineData("hub/models--Qwen--Qwen3-0.6B/snapshots/c1899de289a04d12100db370d81485cdf75e47ca", "Qwen/Qwen3-0.6B")]
    [InlineData("models/stories-gqa/", "stories-gqa")]
    [InlineData("models--gpt2/snapshots/607a30d783dfa663caf39e06633721c8d4cfcd7e", "gpt2")]
    public void AFolderTellsTheModelsName(string folder, string name)
    {
        Assert.Equal(name, ModelNames.Of(folder));
        Assert.Contains(name[(name.IndexOf('/') + 1)..], ModelNames.All(folder));
    }

    [Theory]
    [InlineData("""{"do_sample":true,"temperature":0.6,"top_k":20,"top_p":0.95,"repetition_penalty":1.1}""", 0.6, 20, 0.95, 1.1)]
    [InlineData("""{"do_sample":false,"temperature":0.6}""", 0.0, null, 1.0, 1.0)]
    [InlineData("""{"eos_token_id":0,"top_k":0}""", 1.0, null, 1.0, 1.0)]
    public void GenerationConfigSaysHowTokensAreDrawn(string json, double temperature, int? topK, double topP, double penalty)
    {
        using var folder = new TemporaryFolder();
        folder.Write("generation_config.json", json);
        SamplingOptions options = GenerationDefaults.Load(folder.Path).ToOptions();
        Assert.Equal((temperature, topK, topP, penalty), (options.Temperature, options.TopK, options.TopP, options.RepetitionPenalty));
        folder.Write("generation_config.json", """{"temperature":"warm"}""");
        Assert.Throws<CheckpointException>(() => GenerationDefaults.Load(folder.Path));
    }
}
