using System.Net;
using System.Text;
using System.Text.Json.Nodes;

namespace Kernels.Serving.Tests;

/// <summary>A server of the small checkpoint, started once for the tests of a class.</summary>
public sealed class StoriesServer : IAsyncLifetime
{
    private readonly Devices devices = new();
    private DecodingEngine? engine;
    private DecoderServer? server;
    private HttpClient? client;
    private LanguageModel? model;

    /// <summary>Requests that run side by side, and those that may wait.</summary>
    internal const int Sequences = 2, Queue = 4, Pages = 96;

    internal DecodingEngine Engine => engine!;

    internal LanguageModel Model
    {
        get
        {
            SkipWithoutDevice();
            return model!;
        }
    }

    /// <summary>A template that has tools, as the model's folder has none.</summary>
    internal static ChatTemplate Template { get; } = ChatTemplate.Parse(
        """
        {{- bos_token }}{% if tools %}system: Functions, as JSON:{% for tool in tools %} {{ tool.function | tojson }}{% endfor %}{{- '\n' }}{% endif %}
        {%- for message in messages %}
            {{- message.role }}: {{ message.content or '' }}
            {%- for call in message.tool_calls or [] %}<tool_call>{{ {'name': call.function.name, 'arguments': call.function.arguments} | tojson }}</tool_call>{% endfor %}
            {{- '\n' }}
        {%- endfor %}
        {%- if add_generation_prompt %}assistant:{% endif %}
        """,
        new Dictionary<string, string> { ["bos_token"] = "<|endoftext|>" });

    internal HttpClient Client
    {
        get
        {
            SkipWithoutDevice();
            return client!;
        }
    }

    internal void SkipWithoutDevice() => Skip.If(client is null, "This machine has no OpenCL device.");

    public async Task InitializeAsync()
    {
        if (Devices.All[0] < 0)
        {
            return;
        }

        engine = EngineFixture.Start(
            devices.OpenFirst(), "stories-gqa", Sequences, capacity: 1024, Pages, new EngineOptions
            {
                QueueLimit = Queue,
                ModelName = "local/stories",
            });
        model = new LanguageModel(engine, EngineFixture.Tokenizer, "local/stories") { Template = Template };
        server = await DecoderServer.StartAsync(
            model, new ServerOptions
            {
                Aliases = ["stories", "gpt-4"],
                Urls = "http://127.0.0.1:0",
                MaxBodyBytes = 50_000,
                MaxTokens = 1000,
            });
        client = new HttpClient { BaseAddress = new Uri(Assert.Single(server.Addresses)), Timeout = TimeSpan.FromMinutes(1) };
    }

    public async Task DisposeAsync()
    {
        client?.Dispose();
        if (server is not null)
        {
            await server.DisposeAsync();
        }

        engine?.Dispose();
        devices.Dispose();
    }

    internal async Task<(HttpStatusCode Status, JsonNode Answer)> Post(string path, string json)
    {
        using HttpResponseMessage response = await Send(path, json);
        return (response.StatusCode, JsonNode.Parse(await response.Content.ReadAsStringAsync())!);
    }

    /// <summary>The answer to a request that must be a good one.</summary>
    internal async Task<JsonNode> Ask(string path, string json)
    {
        (HttpStatusCode status, JsonNode answer) = await Post(path, json);
        Assert.True(status == HttpStatusCode.OK, answer.ToJsonString());
        return answer;
    }

    internal async Task<JsonNode[]> Stream(string path, string json)
    {
        using HttpResponseMessage response = await Send(path, json);
        string text = await response.Content.ReadAsStringAsync();
        Assert.True(response.StatusCode == HttpStatusCode.OK, text);
        string[] events = text.Split("\n\n");
        Assert.Equal(["data: [DONE]", ""], events[^2..]);
        return [.. events[..^2].Select(e => JsonNode.Parse(e["data: ".Length..])!)];
    }

    internal async Task<HttpResponseMessage> Send(string path, string json) =>
        await Client.PostAsync(path, new StringContent(json, Encoding.UTF8, "application/json"));
}
