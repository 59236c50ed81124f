using System.ClientModel;
using System.Diagnostics;
using System.Text.Json;
using Microsoft.Extensions.AI;
using OpenAI;
using OpenAI.Chat;
using ChatMessage = Microsoft.Extensions.AI.ChatMessage;
using ChatFinishReason = Microsoft.Extensions.AI.ChatFinishReason;

namespace Kernels.Serving.Tests;

/// <summary>The clients that others wrote for OpenAI's API.</summary>
public sealed class ClientTests(StoriesServer server) : IClassFixture<StoriesServer>
{
    private OpenAIClient Open => new(
        new ApiKeyCredential("none"), new OpenAIClientOptions
        {
            Endpoint = new Uri(server.Client.BaseAddress!, "/v1"),
            RetryPolicy = new System.ClientModel.Primitives.ClientRetryPolicy(0),
        });

    [SkippableFact]
    public async Task MicrosoftExtensionsAIChatsStreamsCallsToolsAndEmbeds()
    {
        server.SkipWithoutDevice();
        using IChatClient chat = Open.GetChatClient("stories").AsIChatClient();
        ChatResponse reply = await chat.GetResponseAsync(
            "Hello", new ChatOptions { MaxOutputTokens = 6, Temperature = 0, FrequencyPenalty = 0.5f, Seed = 3 });
        Assert.Equal((ChatFinishReason.Length, 6L), (reply.FinishReason, reply.Usage!.OutputTokenCount));

        List<ChatResponseUpdate> updates = [];
        await foreach (ChatResponseUpdate update in chat.GetStreamingResponseAsync(
            "Hello", new ChatOptions { MaxOutputTokens = 6, Temperature = 0, FrequencyPenalty = 0.5f }))
        {
            updates.Add(update);
        }

        Assert.Equal(reply.Text, updates.ToChatResponse().Text);

        // A tool that must be called, and is; then the conversation goes on.
        var called = new List<string>();
        AIFunction weather = AIFunctionFactory.Create((Place place) => { called.Add($"{place}"); return "Rain."; }, "weather");
        List<ChatMessage> messages = [new(ChatRole.User, "Hello")];
        ChatResponse asked = await chat.GetResponseAsync(
            messages, new ChatOptions { Tools = [weather], ToolMode = ChatToolMode.RequireAny, MaxOutputTokens = 100 });
        Assert.Equal(ChatFinishReason.ToolCalls, asked.FinishReason);
        FunctionCallContent call = Assert.Single(asked.Messages.SelectMany(message => message.Contents).OfType<FunctionCallContent>());
        messages.AddRange(asked.Messages);
        messages.Add(
            new ChatMessage(
                ChatRole.Tool,
                [new FunctionResultContent(call.CallId, await weather.InvokeAsync(new AIFunctionArguments(call.Arguments)))]));
        Assert.Contains(Assert.Single(called), new[] { "Oslo", "Rome" });
        Assert.Equal(
            ChatFinishReason.Length,
            (await chat.GetResponseAsync(messages, new ChatOptions { Tools = [weather], MaxOutputTokens = 4 })).FinishReason);

        ChatResponse<Answer> structured = await chat.GetResponseAsync<Answer>("Hello", new ChatOptions { MaxOutputTokens = 200 });
        Assert.True(Enum.IsDefined(structured.Result.Where));

        IEmbeddingGenerator<string, Embedding<float>> embed = Open.GetEmbeddingClient("stories").AsIEmbeddingGenerator();
        GeneratedEmbeddings<Embedding<float>> vectors = await embed.GenerateAsync(["a cold day", "a warm day"]);
        Assert.Equal([192, 192], vectors.Select(vector => vector.Vector.Length));
        Assert.All(
            (await server.Model.EmbedAsync("a cold day")).Zip(vectors[0].Vector.ToArray()),
            pair => Assert.Equal(pair.First, pair.Second, 1e-3));
    }

    [SkippableFact]
    public async Task OpenAIsOwnPackageChatsAndGetsErrors()
    {
        server.SkipWithoutDevice();
        ChatClient chat = Open.GetChatClient("local/stories");
        ChatCompletion completion = await chat.CompleteChatAsync(
            [new UserChatMessage("Hello")], new ChatCompletionOptions
            {
                MaxOutputTokenCount = 5,
                IncludeLogProbabilities = true,
                TopLogProbabilityCount = 2,
            });
        Assert.Equal(OpenAI.Chat.ChatFinishReason.Length, completion.FinishReason);
        Assert.Equal(5, completion.ContentTokenLogProbabilities.Count);
        Assert.Equal(5, completion.Usage.OutputTokenCount);
        string streamed = "";
        await foreach (StreamingChatCompletionUpdate update in chat.CompleteChatStreamingAsync(
            [new UserChatMessage("Hello")], new ChatCompletionOptions { MaxOutputTokenCount = 5, Temperature = 0 }))
        {
            streamed += string.Concat(update.ContentUpdate.Select(part => part.Text));
        }

        Assert.NotEmpty(streamed);
        Assert.Equal("local/stories", (await Open.GetOpenAIModelClient().GetModelAsync("local/stories")).Value.Id);
        Assert.Equal(
            404, (await Assert.ThrowsAsync<ClientResultException>(() => Open.GetChatClient("gpt-5").CompleteChatAsync("Hello"))).Status);
    }

    [SkippableFact]
    public async Task TheNpmPackageChatsStreamsCallsToolsAndEmbeds()
    {
        server.SkipWithoutDevice();
        string folder = Directory.CreateTempSubdirectory("kernels-npm-").FullName;
        try
        {
            File.Copy(Path.Combine(AppContext.BaseDirectory, "client.mjs"), Path.Combine(folder, "client.mjs"));
            (int code, string output) = await RunAsync(
                folder, "npm", "install", "--no-audit", "--no-fund", "--silent", "--prefix", folder, "openai@6");
            Skip.If(code != 0, $"npm cannot install the package 'openai': {output}");
            (code, output) = await RunAsync(folder, "node", "client.mjs", new Uri(server.Client.BaseAddress!, "/v1").ToString());
            Assert.True(code == 0 && output.Trim() == "ok", output);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static async Task<(int Code, string Output)> RunAsync(string folder, string program, params string[] arguments)
    {
        Process process;
        try
        {
            process = Process.Start(
                new ProcessStartInfo(program, arguments)
                {
                    WorkingDirectory = folder,
                    RedirectStandardOutput = true,
                    RedirectStandardError = true,
                })!;
        }
        catch (System.ComponentModel.Win32Exception e)
        {
            throw new SkipException($"There is no {program}: {e.Message}");
        }

        using (process)
        {
            Task<string> output = process.StandardOutput.ReadToEndAsync(), errors = process.StandardError.ReadToEndAsync();
            await process.WaitForExitAsync().WaitAsync(TimeSpan.FromMinutes(2));
            return (process.ExitCode, await output + await errors);
        }
    }

    /// <summary>Where the weather is.</summary>
    public enum Place
    {
        /// <summary>There.</summary>
        Oslo,

        /// <summary>Here.</summary>
        Rome,
    }

    /// <summary>A reply with a schema.</summary>
    /// <param name="Where">A place.</param>
    /// <param name="Warm">Whether it is warm.</param>
    public sealed record Answer(Place Where, bool Warm);
}
