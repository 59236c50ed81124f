using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;
using Xunit;

namespace Decoders.Tests;

[Collection(DeviceCollection.Name)]
public sealed class ServerTests(Devices devices) : IAsyncLifetime
{
    private const string Completions = "/v1/completions";
    private const string Chats = "/v1/chat/completions";
    private const string Prompt = "One morning Mia";

    private DecodingEngine? engine;
    private DecoderServer? server;
    private HttpClient? client;

    private HttpClient Client => client!;

    public async Task InitializeAsync()
    {
        if (Devices.All[0] < 0)
        {
            return;
        }

        engine = EngineFixture.Start(
            devices.OpenFirst(), "stories-gqa", sequences: 1, capacity: 1024, pages: 64, new EngineOptions { QueueLimit = 2 });
        server = await DecoderServer.StartAsync(
            engine, EngineFixture.Tokenizer, new ServerOptions { ModelName = "stories", Urls = "http://127.0.0.1:0", MaxBodyBytes = 50_000, MaxTokens = 1000 });
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
    }

    [SkippableFact]
    public async Task CompletesATextAtOnce()
    {
        Skip.If(client is null, "This machine has no OpenCL device.");
        (HttpStatusCode status, JsonNode answer) = await Post(Completions, $$"""{"model":"stories","prompt":"{{Prompt}}","max_tokens":64,"temperature":0,"unknown":[1]}""");

        Assert.Equal(HttpStatusCode.OK, status);
        Assert.Equal("text_completion", (string?)answer["object"]);
        Assert.StartsWith("cmpl-", (string?)answer["id"], StringComparison.Ordinal);
        JsonNode choice = answer["choices"]![0]!;
        Assert.StartsWith(" skipped to the cellar with a small dog.", (string?)choice["text"], StringComparison.Ordinal);
        Assert.Equal(("length", 0), ((string?)choice["finish_reason"], (int)choice["index"]!));
        Assert.Equal((4, 64, 68), ((int)answer["usage"]!["prompt_tokens"]!, (int)answer["usage"]!["completion_tokens"]!, (int)answer["usage"]!["total_tokens"]!));

        // Of token ids the same, and without a limit 16 tokens.
        string ids = string.Join(',', EngineFixture.Tokenizer.Encode(Prompt).Prepend(0));
        (_, JsonNode short1) = await Post(Completions, $$"""{"prompt":[{{ids}}],"temperature":0}""");
        Assert.StartsWith((string)short1["choices"]![0]!["text"]!, (string)choice["text"]!, StringComparison.Ordinal);
        Assert.Equal(16, (int)short1["usage"]!["completion_tokens"]!);
    }

    [SkippableFact]
    public async Task StreamsATextInEventsWithoutAnyPartOfAStopString()
    {
        Skip.If(client is null, "This machine has no OpenCL device.");
        using HttpResponseMessage response = await Send(
            Completions, """{"prompt":"One morning Mia","max_tokens":64,"temperature":0,"stop":["ll dog"],"stream":true,"stream_options":{"include_usage":true}}""");
        Assert.Equal((HttpStatusCode.OK, "text/event-stream"), (response.StatusCode, response.Content.Headers.ContentType!.MediaType));
        JsonNode[] events = Events(await response.Content.ReadAsStringAsync());

        Assert.True(events.Length > 5);
        Assert.Single(events.Select(e => (string)e["id"]!).Distinct());
        Assert.Equal(" skipped to the cellar with a sma", string.Concat(events[..^1].Select(e => (string?)e["choices"]![0]!["text"])));
        Assert.All(events[..^2], e => Assert.Null(e["choices"]![0]!["finish_reason"]));
        Assert.Equal("stop", (string?)events[^2]["choices"]![0]!["finish_reason"]);
        Assert.Empty(events[^1]["choices"]!.AsArray());
        Assert.Equal(4, (int)events[^1]["usage"]!["prompt_tokens"]!);
    }

    [SkippableFact]
    public async Task AnswersAChatAtOnceAndAsAStream()
    {
        Skip.If(client is null, "This machine has no OpenCL device.");
        const string Chat = """{"messages":[{"role":"system","content":"Be brief."},{"role":"user","content":[{"type":"text","text":"Hello"}]}],"max_completion_tokens":12,"temperature":0""";
        (HttpStatusCode status, JsonNode answer) = await Post(Chats, Chat + "}");
        using HttpResponseMessage response = await Send(Chats, Chat + ",\"stream\":true}");
        JsonNode[] events = Events(await response.Content.ReadAsStringAsync());

        Assert.Equal((HttpStatusCode.OK, "chat.completion"), (status, (string?)answer["object"]));
        JsonNode message = answer["choices"]![0]!["message"]!;
        Assert.Equal("assistant", (string?)message["role"]);
        Assert.Equal(EngineFixture.Tokenizer.Encode("system: Be brief.\nuser: Hello\nassistant:").Length + 1, (int)answer["usage"]!["prompt_tokens"]!);
        Assert.All(events, e => Assert.Equal("chat.completion.chunk", (string?)e["object"]));
        Assert.Equal("assistant", (string?)events[0]["choices"]![0]!["delta"]!["role"]);
        Assert.Equal((string?)message["content"], string.Concat(events.Select(e => (string?)e["choices"]![0]!["delta"]!["content"])));
        Assert.Equal((string?)answer["choices"]![0]!["finish_reason"], (string?)events[^1]["choices"]![0]!["finish_reason"]);
    }

    [SkippableFact]
    public async Task ListsItsModelAndSaysHowItIs()
    {
        Skip.If(client is null, "This machine has no OpenCL device.");
        JsonNode models = JsonNode.Parse(await Client.GetStringAsync("/v1/models"))!;
        JsonNode health = JsonNode.Parse(await Client.GetStringAsync("/health"))!;

        Assert.Equal("stories", (string?)models["data"]![0]!["id"]);
        Assert.Equal(("ok", 64, 64), ((string?)health["status"], (int)health["pages_free"]!, (int)health["pages_total"]!));
    }

    public static TheoryData<string, string, int, string?> BadRequests => new()
    {
        { Completions, "", 400, null },
        { Completions, "{", 400, null },
        { Completions, "null", 400, null },
        { Completions, "[]", 400, null },
        { Completions, """{"prompt":"x","max_tokens":"many"}""", 400, "max_tokens" },
        { Completions, """{"prompt":"x","max_tokens":-1}""", 400, "max_tokens" },
        { Completions, """{"prompt":"x","max_tokens":0}""", 400, "max_tokens" },
        { Completions, """{"prompt":"x","max_tokens":1001}""", 400, "max_tokens" },
        { Completions, """{"prompt":"x","max_tokens":99999999999999999999}""", 400, "max_tokens" },
        { Completions, """{"prompt":[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26],"max_tokens":1000}""", 400, "max_tokens" },
        { Completions, """{"prompt":"x","temperature":-0.5}""", 400, "temperature" },
        { Completions, """{"prompt":"x","temperature":1e400}""", 400, "temperature" },
        { Completions, """{"prompt":"x","top_p":0}""", 400, "top_p" },
        { Completions, """{"prompt":"x","top_k":0}""", 400, "top_k" },
        { Completions, """{"prompt":"x","n":2}""", 400, "n" },
        { Completions, """{"prompt":"x","logprobs":1}""", 400, "logprobs" },
        { Completions, """{"prompt":"x","stop":""}""", 400, "stop" },
        { Completions, """{"prompt":"x","stop":["a","b","c","d","e"]}""", 400, "stop" },
        { Completions, """{"prompt":"x","stop":7}""", 400, "stop" },
        { Completions, "{}", 400, "prompt" },
        { Completions, """{"prompt":[]}""", 400, "prompt" },
        { Completions, """{"prompt":[768]}""", 400, "prompt" },
        { Completions, """{"prompt":[-1]}""", 400, "prompt" },
        { Completions, """{"prompt":[1.5]}""", 400, "prompt" },
        { Completions, """{"prompt":["a","b"]}""", 400, "prompt" },
        { Completions, """{"prompt":"\ud800"}""", 400, "prompt" },
        { Completions, """{"prompt":"x","model":"gpt-4"}""", 404, "model" },
        { Chats, "{}", 400, "messages" },
        { Chats, """{"messages":[]}""", 400, "messages" },
        { Chats, """{"messages":[null]}""", 400, "messages" },
        { Chats, """{"messages":[{"role":"king","content":"x"}]}""", 400, "messages" },
        { Chats, """{"messages":[{"role":"user"}]}""", 400, "messages" },
        { Chats, """{"messages":[{"role":"user","content":[{"type":"image_url"}]}]}""", 400, "messages" },
        { Chats, """{"messages":[{"role":"user","content":"x"}],"logprobs":true}""", 400, "logprobs" },
        { "/v1/embeddings", "{}", 404, null },
        { "/health", "{}", 405, null },
    };

    [SkippableFact]
    public async Task AnswersBadRequestsWithAnError()
    {
        Skip.If(client is null, "This machine has no OpenCL device.");
        foreach (object[] row in BadRequests)
        {
            (HttpStatusCode status, JsonNode answer) = await Post((string)row[0], (string)row[1]);
            Assert.True((int)row[2] == (int)status && (string?)row[3] == (string?)answer["error"]!["param"], $"{row[1]}: {(int)status} {answer}");
            Assert.Equal("invalid_request_error", (string?)answer["error"]!["type"]);
            Assert.NotEmpty((string)answer["error"]!["message"]!);
        }

        await AssertError(400, [.. "{\"prompt\":\""u8, 0xC3, 0x28, .. "\"}"u8]);
        await AssertError(400, Encoding.Unicode.GetBytes("""{"prompt":"x"}"""));
        await AssertError(413, Encoding.UTF8.GetBytes($$"""{"prompt":"{{new string('x', 50_000)}}"}"""));
        await AssertError(415, "{}"u8.ToArray(), "text/plain");

        // Longer than the context, and as one word: neither takes long.
        await AssertError(400, Encoding.UTF8.GetBytes($$"""{"prompt":"{{new string('x', 49_000)}}"}"""), code: "context_length_exceeded");
        Assert.Equal((0, 0L), (engine!.Statistics.PagesUsed, engine.Statistics.Requests));
    }

    [SkippableFact]
    public async Task RefusesWhatTheQueueHasNoRoomFor()
    {
        Skip.If(client is null, "This machine has no OpenCL device.");
        Generation running = engine!.TrySubmit(LongRequest())!;
        await Until(() => engine.QueueLength == 0);
        Generation[] waiting = [engine.TrySubmit(LongRequest())!, engine.TrySubmit(LongRequest())!];

        using HttpResponseMessage response = await Send(Completions, """{"prompt":"x"}""");
        JsonNode answer = JsonNode.Parse(await response.Content.ReadAsStringAsync())!;

        Assert.Equal((HttpStatusCode)429, response.StatusCode);
        Assert.True(response.Headers.Contains("Retry-After"));
        Assert.Equal("rate_limit_error", (string?)answer["error"]!["type"]);
        Array.ForEach([running, .. waiting], generation => generation.Cancel());
    }

    [SkippableTheory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task AClientThatGoesFreesItsPages(bool stream)
    {
        Skip.If(client is null, "This machine has no OpenCL device.");

        // A raw socket: closing it is all that the server gets to know.
        Uri address = Client.BaseAddress!;
        using (var socket = new TcpClient())
        {
            await socket.ConnectAsync(address.Host, address.Port);
            string body = $$"""{"prompt":[1,2,3],"max_tokens":1000,"temperature":2,"seed":1,"stream":{{(stream ? "true" : "false")}}}""";
            await socket.GetStream().WriteAsync(Encoding.ASCII.GetBytes(
                $"POST {Completions} HTTP/1.1\r\nHost: {address.Authority}\r\nContent-Type: application/json\r\nContent-Length: {body.Length}\r\n\r\n{body}"));
            if (stream)
            {
                Assert.True(await socket.GetStream().ReadAsync(new byte[100]) > 0);
            }

            await Until(() => engine!.Statistics.PagesUsed > 0);
        }

        await Until(() => engine!.Statistics.Requests == 1);
        Assert.Equal((0, 64), (engine!.Statistics.PagesUsed, engine.Statistics.PagesFree));
        Assert.True(engine.Statistics.GeneratedTokens < 1000, "It ended before the client went.");
    }

    private static GenerationRequest LongRequest() => new([1, 2, 3], 1000) { IgnoreEnd = true };

    private static JsonNode[] Events(string text)
    {
        string[] events = text.Split("\n\n");
        Assert.Equal(["data: [DONE]", ""], events[^2..]);
        return [.. events[..^2].Select(e => JsonNode.Parse(e["data: ".Length..])!)];
    }

    private static async Task Until(Func<bool> condition)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromMinutes(1));
        while (!condition())
        {
            await Task.Delay(2, patience.Token);
        }
    }

    private async Task AssertError(int status, byte[] body, string type = "application/json", string? code = null)
    {
        using var content = new ByteArrayContent(body);
        content.Headers.ContentType = new(type);
        using HttpResponseMessage response = await Client.PostAsync(Completions, content);
        JsonNode answer = JsonNode.Parse(await response.Content.ReadAsStringAsync())!;
        Assert.Equal((status, "invalid_request_error"), ((int)response.StatusCode, (string?)answer["error"]!["type"]));
        Assert.Equal(code, (string?)answer["error"]!["code"]);
    }

    private async Task<(HttpStatusCode Status, JsonNode Answer)> Post(string path, string json)
    {
        using HttpResponseMessage response = await Send(path, json);
        return (response.StatusCode, JsonNode.Parse(await response.Content.ReadAsStringAsync())!);
    }

    private async Task<HttpResponseMessage> Send(string path, string json) =>
        await Client.PostAsync(path, new StringContent(json, Encoding.UTF8, "application/json"));
}
