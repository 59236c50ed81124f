using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;

namespace Kernels.Serving.Tests;

public sealed class ServerTests(StoriesServer server) : IClassFixture<StoriesServer>
{
    private const string Completions = "/v1/completions";
    private const string Chats = "/v1/chat/completions";
    private const string Prompt = "One morning Mia";
    private const string Hello = "\"messages\":[{\"role\":\"user\",\"content\":\"Hello\"}]";
    private const string Weather =
        """{"type":"function","function":{"name":"weather","description":"Tells the weather.","parameters":{"type":"object","properties":{"city":{"enum":["Oslo","Rome"]},"days":{"type":"integer"}},"required":["city","days"],"additionalProperties":false}}}""";

    private HttpClient Client => server.Client;

    private DecodingEngine Engine => server.Engine;

    [SkippableFact]
    public async Task CompletesATextAtOnce()
    {
        server.SkipWithoutDevice();
        (HttpStatusCode status, JsonNode answer) = await server.Post(
            Completions, $$"""{"model":"stories","user":"me","store":true,"metadata":{"a":"b"},"service_tier":"auto","suffix":"","n":1,"best_of":1,"echo":false,"logit_bias":null,"prompt":"{{Prompt}}","max_tokens":64,"temperature":0,"unknown":[1]}""");

        Assert.Equal(HttpStatusCode.OK, status);
        Assert.Equal("text_completion", (string?)answer["object"]);
        Assert.StartsWith("cmpl-", (string?)answer["id"], StringComparison.Ordinal);
        JsonNode choice = answer["choices"]![0]!;
        Assert.StartsWith(" skipped to the cellar with a small dog.", (string?)choice["text"], StringComparison.Ordinal);
        Assert.Equal(("length", 0), ((string?)choice["finish_reason"], (int)choice["index"]!));
        Assert.Equal(
            (4, 64, 68),
            ((int)answer["usage"]!["prompt_tokens"]!, (int)answer["usage"]!["completion_tokens"]!, (int)answer["usage"]!["total_tokens"]!));

        // Of token ids the same, and without a limit 16 tokens.
        string ids = string.Join(',', EngineFixture.Tokenizer.Encode(Prompt).Prepend(0));
        (_, JsonNode short1) = await server.Post(Completions, $$"""{"prompt":[{{ids}}],"temperature":0}""");
        Assert.StartsWith((string)short1["choices"]![0]!["text"]!, (string)choice["text"]!, StringComparison.Ordinal);
        Assert.Equal(16, (int)short1["usage"]!["completion_tokens"]!);
    }

    [SkippableFact]
    public async Task StreamsATextInEventsWithoutAnyPartOfAStopString()
    {
        server.SkipWithoutDevice();
        JsonNode[] events = await server.Stream(
            Completions,
            """{"prompt":"One morning Mia","max_tokens":64,"temperature":0,"stop":["ll dog"],"stream":true,"stream_options":{"include_usage":true}}""");

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
        server.SkipWithoutDevice();
        const string Chat =
            """{"messages":[{"role":"system","content":"Be brief."},{"role":"user","content":[{"type":"text","text":"Hello"}]}],"max_completion_tokens":12,"temperature":0""";
        (HttpStatusCode status, JsonNode answer) = await server.Post(Chats, Chat + "}");
        JsonNode[] events = await server.Stream(Chats, Chat + ",\"stream\":true}");

        Assert.Equal((HttpStatusCode.OK, "chat.completion"), (status, (string?)answer["object"]));
        JsonNode message = answer["choices"]![0]!["message"]!;
        Assert.Equal("assistant", (string?)message["role"]);
        Assert.Equal(
            EngineFixture.Tokenizer.Encode("system: Be brief.\nuser: Hello\nassistant:").Length + 1,
            (int)answer["usage"]!["prompt_tokens"]!);
        Assert.All(events, e => Assert.Equal("chat.completion.chunk", (string?)e["object"]));
        Assert.Equal("assistant", (string?)events[0]["choices"]![0]!["delta"]!["role"]);
        Assert.Equal((string?)message["content"], string.Concat(events.Select(e => (string?)e["choices"]![0]!["delta"]!["content"])));
        Assert.Equal((string?)answer["choices"]![0]!["finish_reason"], (string?)events[^1]["choices"]![0]!["finish_reason"]);
    }

    [SkippableFact]
    public async Task ListsItsModelAndSaysHowItIs()
    {
        server.SkipWithoutDevice();
        JsonNode models = JsonNode.Parse(await Client.GetStringAsync("/v1/models"))!;
        JsonNode health = JsonNode.Parse(await Client.GetStringAsync("/health"))!;

        Assert.Equal(["local/stories", "stories", "gpt-4"], models["data"]!.AsArray().Select(model => (string?)model!["id"]));
        Assert.Equal(("ok", StoriesServer.Pages), ((string?)health["status"], (int)health["pages_total"]!));

        foreach (string name in (string[])["local/stories", "local%2Fstories", "stories"])
        {
            Assert.Equal(Uri.UnescapeDataString(name), (string?)JsonNode.Parse(await Client.GetStringAsync("/v1/models/" + name))!["id"]);
        }

        using HttpResponseMessage none = await Client.GetAsync("/v1/models/gpt-5");
        Assert.Equal(
            (HttpStatusCode.NotFound, "model_not_found"),
            (none.StatusCode, (string?)JsonNode.Parse(await none.Content.ReadAsStringAsync())!["error"]!["code"]));
        Assert.False((await Client.GetAsync("/v1/models")).Headers.Contains("Access-Control-Allow-Origin"));
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
        { Completions, """{"prompt":[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26],"max_tokens":1000}""", 400,
            "max_tokens" },
        { Completions, """{"prompt":"x","temperature":-0.5}""", 400, "temperature" },
        { Completions, """{"prompt":"x","temperature":1e400}""", 400, "temperature" },
        { Completions, """{"prompt":"x","top_p":0}""", 400, "top_p" },
        { Completions, """{"prompt":"x","top_k":-2}""", 400, "top_k" },
        { Completions, """{"prompt":"x","n":0}""", 400, "n" },
        { Completions, """{"prompt":"x","n":7}""", 400, "n" },
        { Completions, """{"prompt":"x","n":2000000000}""", 400, "n" },
        { Completions, """{"prompt":"x","logprobs":21}""", 400, "logprobs" },
        { Completions, """{"prompt":"x","best_of":2,"n":3}""", 400, "best_of" },
        { Completions, """{"prompt":"x","best_of":2,"stream":true}""", 400, "best_of" },
        { Completions, """{"prompt":"x","echo":true,"logprobs":1}""", 400, "logprobs" },
        { Completions, """{"prompt":"x","suffix":"end"}""", 400, "suffix" },
        { Completions, """{"prompt":"x","min_p":1.5}""", 400, "min_p" },
        { Completions, """{"prompt":"x","frequency_penalty":3}""", 400, "frequency_penalty" },
        { Completions, """{"prompt":"x","presence_penalty":-3}""", 400, "presence_penalty" },
        { Completions, """{"prompt":"x","repetition_penalty":0}""", 400, "repetition_penalty" },
        { Completions, """{"prompt":"x","logit_bias":{"5":101}}""", 400, "logit_bias" },
        { Completions, """{"prompt":"x","logit_bias":{"768":1}}""", 400, "logit_bias" },
        { Completions, """{"prompt":"x","logit_bias":{"word":1}}""", 400, "logit_bias" },
        { Completions, """{"prompt":"x","logit_bias":[1]}""", 400, "logit_bias" },
        { Completions, """{"prompt":"x","stop_token_ids":[768]}""", 400, "stop_token_ids" },
        { Completions, """{"prompt":"x","stop_token_ids":7}""", 400, "stop_token_ids" },
        { Completions, """{"prompt":"x","top_logprobs":2}""", 400, "top_logprobs" },
        { Completions, """{"prompt":"x","response_format":{"type":"xml"}}""", 400, "response_format" },
        { Completions,
            """{"prompt":"x","response_format":{"type":"json_schema","json_schema":{"schema":{"type":"string","pattern":"a"}}}}""", 400,
            "response_format" },
        { Completions, """{"prompt":"x","min_tokens":3}""", 400, "min_tokens" },
        { Completions, """{"prompt":"x","guided_json":{}}""", 400, "guided_json" },
        { Chats, "{" + Hello + ""","best_of":1}""", 400, "best_of" },
        { Chats, "{" + Hello + ""","top_logprobs":2}""", 400, "top_logprobs" },
        { Chats, "{" + Hello + ""","logprobs":5}""", 400, "logprobs" },
        { Chats, "{" + Hello + ""","tools":[{"type":"web_search"}]}""", 400, "tools" },
        { Chats, "{" + Hello + ""","tools":7}""", 400, "tools" },
        { Chats, "{" + Hello + ""","tool_choice":"required"}""", 400, "tool_choice" },
        { Chats, "{" + Hello + ""","tool_choice":"any"}""", 400, "tool_choice" },
        { Chats, "{" + Hello + ""","tool_choice":{"type":"function","function":{"name":"time"}},"tools":[""" + Weather + "]}", 400,
            "tool_choice" },
        { Chats, "{" + Hello + ""","response_format":{"type":"json_object"},"tools":[""" + Weather + "]}", 400, "response_format" },
        { Chats, "{" + Hello
            + ""","tool_choice":"required","tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object","properties":{"a":{"type":"string","pattern":"x"}}}}}]}""", 400, "tools" },
        { Chats, "{" + Hello + ""","functions":[{"name":"f"}]}""", 400, "functions" },
        { Chats, "{" + Hello + ""","modalities":["audio"]}""", 400, "modalities" },
        { Chats, "{" + Hello + ""","reasoning_effort":"high"}""", 400, "reasoning_effort" },
        { Chats, """{"messages":[{"role":"tool","content":"x"}]}""", 400, "messages" },
        { Chats, """{"messages":[{"role":"assistant","content":null}]}""", 400, "messages" },
        { Chats, """{"messages":[{"role":"assistant","content":null,"tool_calls":[{"function":7}]}]}""", 400, "messages" },
        { Completions, """{"prompt":"x","stop":""}""", 400, "stop" },
        { Completions, """{"prompt":"x","stop":["a","b","c","d","e"]}""", 400, "stop" },
        { Completions, """{"prompt":"x","stop":7}""", 400, "stop" },
        { Completions, "{}", 400, "prompt" },
        { Completions, """{"prompt":[]}""", 400, "prompt" },
        { Completions, """{"prompt":[768]}""", 400, "prompt" },
        { Completions, """{"prompt":[-1]}""", 400, "prompt" },
        { Completions, """{"prompt":[1.5]}""", 400, "prompt" },
        { Completions, """{"prompt":["a",7]}""", 400, "prompt" },
        { Completions, """{"prompt":["a","a","a","a","a","a","a"]}""", 400, "prompt" },
        { Completions, """{"prompt":"\ud800"}""", 400, "prompt" },
        { Completions, """{"prompt":"x","model":"gpt-5"}""", 404, "model" },
        { Chats, "{}", 400, "messages" },
        { Chats, """{"messages":[]}""", 400, "messages" },
        { Chats, """{"messages":[null]}""", 400, "messages" },
        { Chats, """{"messages":[{"role":"king","content":"x"}]}""", 400, "messages" },
        { Chats, """{"messages":[{"role":"user"}]}""", 400, "messages" },
        { Chats, """{"messages":[{"role":"user","content":[{"type":"image_url"}]}]}""", 400, "messages" },
        { "/v1/embeddings", "{}", 400, "input" },
        { "/v1/embeddings", """{"input":[]}""", 400, "input" },
        { "/v1/embeddings", """{"input":"x","dimensions":64}""", 400, "dimensions" },
        { "/v1/embeddings", """{"input":"x","encoding_format":"int8"}""", 400, "encoding_format" },
        { "/v1/embeddings", """{"input":"x","model":"gpt-5"}""", 404, "model" },
        { "/v1/engines", "{}", 404, null },
        { "/health", "{}", 405, null },
    };

    [SkippableFact]
    public async Task AnswersBadRequestsWithAnError()
    {
        server.SkipWithoutDevice();
        long before = Engine.Statistics.Requests;
        foreach (object[] row in BadRequests)
        {
            (HttpStatusCode status, JsonNode answer) = await server.Post((string)row[0], (string)row[1]);
            Assert.True(
                (int)row[2] == (int)status && (string?)row[3] == (string?)answer["error"]!["param"], $"{row[1]}: {(int)status} {answer}");
            Assert.Equal("invalid_request_error", (string?)answer["error"]!["type"]);
            Assert.NotEmpty((string)answer["error"]!["message"]!);
        }

        await AssertError(400, [.. "{\"prompt\":\""u8, 0xC3, 0x28, .. "\"}"u8]);
        await AssertError(400, Encoding.Unicode.GetBytes("""{"prompt":"x"}"""));
        await AssertError(413, Encoding.UTF8.GetBytes($$"""{"prompt":"{{new string('x', 50_000)}}"}"""));
        await AssertError(415, "{}"u8.ToArray(), "text/plain");

        // Longer than the context, and as one word: neither takes long.
        await AssertError(400, Encoding.UTF8.GetBytes($$"""{"prompt":"{{new string('x', 49_000)}}"}"""), code: "context_length_exceeded");
        Assert.Equal((0, before), (Engine.Statistics.PagesUsed, Engine.Statistics.Requests));
    }

    [SkippableFact]
    public async Task RefusesWhatTheQueueHasNoRoomFor()
    {
        server.SkipWithoutDevice();
        // An idle server takes as many as run and as wait, and no more.
        Generation?[] taken = [.. Enumerable.Range(0, 20).Select(_ => Engine.TrySubmit(LongRequest()))];
        Assert.Equal(StoriesServer.Sequences + StoriesServer.Queue, taken.Count(generation => generation is not null));

        using HttpResponseMessage response = await server.Send(Completions, """{"prompt":"x"}""");
        JsonNode answer = JsonNode.Parse(await response.Content.ReadAsStringAsync())!;

        Assert.Equal((HttpStatusCode)429, response.StatusCode);
        Assert.True(response.Headers.Contains("Retry-After"));
        Assert.Equal("rate_limit_error", (string?)answer["error"]!["type"]);
        Assert.Equal((HttpStatusCode)429, (await server.Post("/v1/embeddings", """{"input":"x"}""")).Status);
        foreach (Generation? generation in taken)
        {
            generation?.Cancel();
        }

        await Until(() => Engine.Statistics is { Running: 0, PagesUsed: 0 } && Engine.QueueLength == 0);
    }

    [SkippableFact]
    public async Task TwentyAtOnceAreAnsweredOrRefusedAndAtLeastAsManyAsFitAreAnswered()
    {
        (HttpStatusCode Status, JsonNode Answer)[] answers = await Task.WhenAll(Enumerable.Range(0, 20).Select(i =>
            server.Post(Completions, $$"""{"prompt":"One morning","max_tokens":60,"ignore_eos":true,"seed":{{i}}}""")));
        Assert.InRange(answers.Count(answer => answer.Status == HttpStatusCode.OK), StoriesServer.Sequences + StoriesServer.Queue, 20);
        Assert.All(
            answers,
            answer => Assert.True(answer.Status is HttpStatusCode.OK or HttpStatusCode.TooManyRequests, answer.Answer.ToJsonString()));
    }

    [SkippableFact]
    public async Task SamplingParametersChangeTheText()
    {
        const string Greedy = "\"prompt\":\"One morning Mia\",\"max_tokens\":150,\"temperature\":0";
        string plain = await Text("{" + Greedy + "}");
        Assert.NotEqual(plain, await Text("{" + Greedy + ",\"frequency_penalty\":2}"));
        Assert.NotEqual(plain, await Text("{" + Greedy + ",\"presence_penalty\":2}"));
        Assert.NotEqual(plain, await Text("{" + Greedy + ",\"repetition_penalty\":3}"));
        int first = EngineFixture.Tokenizer.Encode(plain)[0];
        Assert.DoesNotContain(" skipped", await Text("{" + Greedy + $",\"logit_bias\":{{\"{first}\":-100}}}}"), StringComparison.Ordinal);
        Assert.Equal("", await Text("{" + Greedy + $",\"stop_token_ids\":[{first}]}}"));
        Assert.Equal(plain, await Text("{" + Greedy.Replace(":0", ":2", StringComparison.Ordinal) + ",\"min_p\":1}"));
        Assert.Equal(plain, await Text("{" + Greedy.Replace(":0", ":2", StringComparison.Ordinal) + ",\"top_k\":1}"));
        Assert.Equal(Prompt + plain, await Text("{" + Greedy + ",\"echo\":true}"));

        async Task<string> Text(string body) => (string)(await server.Ask(Completions, body))["choices"]![0]!["text"]!;
    }

    [SkippableFact]
    public async Task SeveralChoicesAndPromptsOfARequestComeInOrder()
    {
        JsonNode several = await server.Ask(Completions, """{"prompt":["One morning Mia","It was a"],"n":2,"max_tokens":8,"seed":3}""");
        Assert.Equal([0, 1, 2, 3], several["choices"]!.AsArray().Select(choice => (int)choice!["index"]!));
        Assert.Equal(4, several["choices"]!.AsArray().Select(choice => (string?)choice!["text"]).Distinct().Count());
        int prompts = new[] { Prompt, "It was a" }.Sum(text => 1 + EngineFixture.Tokenizer.Encode(text).Length);
        Assert.Equal((prompts, 32), ((int)several["usage"]!["prompt_tokens"]!, (int)several["usage"]!["completion_tokens"]!));

        JsonNode[] streamed = await server.Stream(
            Completions, """{"prompt":["One morning Mia","It was a"],"n":2,"max_tokens":8,"seed":3,"stream":true}""");
        for (int i = 0; i < 4; i++)
        {
            Assert.Equal(
                (string?)several["choices"]![i]!["text"],
                string.Concat(
                    streamed.Select(e => e["choices"]![0]!).Where(choice => (int)choice["index"]! == i)
                        .Select(choice => (string?)choice["text"])));
        }

        JsonNode best = await server.Ask(
            Completions, """{"prompt":"One morning Mia","n":1,"best_of":4,"max_tokens":8,"seed":3,"temperature":1.5}""");
        JsonNode all = await server.Ask(
            Completions, """{"prompt":"One morning Mia","n":4,"max_tokens":8,"seed":3,"temperature":1.5,"logprobs":0}""");
        JsonNode likeliest = all["choices"]!.AsArray()
            .MaxBy(choice => choice!["logprobs"]!["token_logprobs"]!.AsArray().Average(value => (double)value!))!;
        Assert.Equal((string?)likeliest["text"], (string?)best["choices"]![0]!["text"]);
        Assert.Single(best["choices"]!.AsArray());
    }

    [SkippableFact]
    public async Task LogprobsComeInTheFormOfEitherEndpoint()
    {
        JsonNode completion =
            (await server.Ask(Completions, """{"prompt":"One morning Mia","max_tokens":5,"temperature":0,"logprobs":2}"""))["choices"]![0]!;
        JsonNode figures = completion["logprobs"]!;
        Assert.Equal((string?)completion["text"], string.Concat(figures["tokens"]!.AsArray().Select(token => (string?)token)));
        Assert.Equal(5, figures["token_logprobs"]!.AsArray().Count);
        Assert.All(figures["top_logprobs"]!.AsArray(), top => Assert.Equal(2, top!.AsObject().Count));
        Assert.Equal(0, (int)figures["text_offset"]![0]!);

        const string Chat = "{" + Hello + ",\"max_tokens\":5,\"temperature\":0,\"logprobs\":true,\"top_logprobs\":3";
        JsonNode chat = (await server.Ask(Chats, Chat + "}"))["choices"]![0]!;
        JsonArray content = chat["logprobs"]!["content"]!.AsArray();
        Assert.All(content, token => Assert.Equal(
            ((string?)token!["token"], 3, (double)token["logprob"]!),
            ((string?)token["top_logprobs"]![0]!["token"], token["top_logprobs"]!
                .AsArray().Count, (double)token["top_logprobs"]![0]!["logprob"]!)));
        JsonNode[] events = await server.Stream(Chats, Chat + ",\"stream\":true}");
        Assert.Equal(
            content.Select(token => (string?)token!["token"]),
            events.Select(e => e["choices"]![0]!["logprobs"]).OfType<JsonObject>().SelectMany(l => l["content"]!.AsArray())
                .Select(token => (string?)token!["token"]));
    }

    [SkippableFact]
    public async Task RepliesAreHeldToJsonAndToSchemas()
    {
        const string Schema =
            """{"type":"object","properties":{"name":{"enum":["Mia","Zoe"]},"happy":{"type":"boolean"},"ages":{"type":"array","items":{"type":"integer"},"maxItems":2}},"required":["name","happy","ages"],"additionalProperties":false}""";
        for (int seed = 0; seed < 4; seed++)
        {
            JsonNode choice =
                (await server.Ask(
                    Chats, "{" + Hello
                        + $",\"max_tokens\":200,\"seed\":{seed},\"response_format\":{{\"type\":\"json_schema\",\"json_schema\":{{\"name\":\"x\",\"strict\":true,\"schema\":{Schema}}}}}}}"))["choices"]![0]!;
            JsonNode reply = JsonNode.Parse((string)choice["message"]!["content"]!)!;
            Assert.Equal("stop", (string?)choice["finish_reason"]);
            Assert.Contains((string?)reply["name"], new[] { "Mia", "Zoe" });
            Assert.True(reply["happy"]!.AsValue().TryGetValue(out bool _) && reply["ages"]!.AsArray().Count <= 2);

            JsonNode any =
                (await server.Ask(
                    Chats, "{" + Hello
                        + $",\"max_tokens\":60,\"seed\":{seed},\"response_format\":{{\"type\":\"json_object\"}}}}"))["choices"]![0]!;
            string text = (string)any["message"]!["content"]!;
            Assert.StartsWith("{", text.TrimStart(), StringComparison.Ordinal);
            Assert.True((string?)any["finish_reason"] == "length" || JsonNode.Parse(text) is JsonObject, text);
        }
    }

    [SkippableTheory]
    [InlineData("\"required\"")]
    [InlineData("""{"type":"function","function":{"name":"weather"}}""")]
    public async Task AToolThatMustBeCalledIsCalledWithArgumentsOfItsSchema(string choice)
    {
        string body = "{" + Hello + ",\"max_tokens\":200,\"seed\":1,\"tools\":[" + Weather + "],\"tool_choice\":" + choice;
        JsonNode answer = (await server.Ask(Chats, body + "}"))["choices"]![0]!;
        Assert.Equal("tool_calls", (string?)answer["finish_reason"]);
        Assert.True(answer["message"]!.AsObject().ContainsKey("content") && answer["message"]!["content"] is null);
        JsonNode call = Assert.Single(answer["message"]!["tool_calls"]!.AsArray())!;
        Assert.Equal(("function", "weather"), ((string?)call["type"], (string?)call["function"]!["name"]));
        JsonNode arguments = JsonNode.Parse((string)call["function"]!["arguments"]!)!;
        Assert.Contains((string?)arguments["city"], new[] { "Oslo", "Rome" });
        Assert.True(arguments["days"]!.AsValue().TryGetValue(out long _));

        JsonNode[] events = await server.Stream(Chats, body + ",\"stream\":true}");
        JsonNode streamed = Assert.Single(
            events, e => e["choices"]![0]!["delta"]!["tool_calls"] is not null)["choices"]![0]!["delta"]!["tool_calls"]![0]!;
        Assert.Equal((0, (string?)call["function"]!["arguments"]), ((int)streamed["index"]!, (string?)streamed["function"]!["arguments"]));
        Assert.Equal("tool_calls", (string?)events[^1]["choices"]![0]!["finish_reason"]);

        // And the conversation goes on.
        await server.Ask(Chats, $$"""
            {"messages":[{"role":"user","content":"Hello"},
              {"role":"assistant","content":null,"tool_calls":[{{call.ToJsonString()}}]},
              {"role":"tool","tool_call_id":"{{(string)call["id"]!}}","content":"Rain."}],
             "tools":[{{Weather}}],"tool_choice":"auto","parallel_tool_calls":false,"max_tokens":5}
            """);
    }

    [SkippableFact]
    public async Task EmbedsTextsAndTokens()
    {
        string ids = string.Join(',', EngineFixture.Tokenizer.Encode("It was a cold day.").Prepend(0));
        JsonNode answer = await server.Ask(
            "/v1/embeddings", $$"""{"model":"stories","input":["It was a cold day.","Ivy put the gold book in the box."],"dimensions":192}""");
        float[][] vectors = [.. answer["data"]!.AsArray().Select(entry => entry!["embedding"]!.AsArray().Select(x => (float)x!).ToArray())];
        Assert.All(vectors, vector => Assert.Equal(1, vector.Sum(x => x * x), 1e-4));
        Assert.NotEqual(vectors[0], vectors[1]);
        Assert.Equal(("list", "embedding"), ((string?)answer["object"], (string?)answer["data"]![1]!["object"]));
        Assert.Equal((int)answer["usage"]!["prompt_tokens"]!, (int)answer["usage"]!["total_tokens"]!);

        JsonNode packed = await server.Ask("/v1/embeddings", $$"""{"input":[[{{ids}}]],"encoding_format":"base64"}""");
        byte[] bytes = Convert.FromBase64String((string)packed["data"]![0]!["embedding"]!);
        Assert.All(
            System.Runtime.InteropServices.MemoryMarshal.Cast<byte, float>(bytes).ToArray().Zip(vectors[0]),
            pair => Assert.Equal(pair.First, pair.Second, 1e-4));
    }

    [SkippableFact]
    public async Task FieldsThatAreIgnoredMayBeDeepAndOthersNotTooDeep()
    {
        string deep = string.Concat(Enumerable.Repeat("[", 60)) + string.Concat(Enumerable.Repeat("]", 60));
        await server.Ask(Completions, "{\"prompt\":\"x\",\"max_tokens\":1,\"metadata\":{\"a\":" + deep + "}}");
        deep = $"[[[[[{deep}]]]]]";
        Assert.Equal(
            HttpStatusCode.BadRequest,
            (await server.Post(Completions, "{\"prompt\":\"x\",\"max_tokens\":1,\"metadata\":{\"a\":" + deep + "}}")).Status);
    }

    /// <summary>Whatever the values of the fields are, the answer is one of the API, and the server goes on.</summary>
    [SkippableFact]
    public async Task FuzzedRequestsAreAnsweredOrRefused()
    {
        string[] names =
        [
            "model", "prompt", "messages", "max_tokens", "max_completion_tokens", "temperature", "top_p", "top_k", "min_p", "seed", "stop",
            "stop_token_ids", "n", "best_of", "echo",
            "suffix", "logprobs", "top_logprobs", "frequency_penalty", "presence_penalty", "repetition_penalty", "logit_bias",
            "response_format", "tools", "tool_choice",
            "parallel_tool_calls", "stream", "stream_options", "ignore_eos", "input", "dimensions", "encoding_format", "functions",
            "modalities",
        ];
        string[] values =
        [
            "null", "true", "false", "0", "1", "-1", "2", "1e308", "-0.0", "99999999999999999999", "\"\"", "\"x\"", "\"\\ud800\"",
            "\"\\u0000\"", "[]", "{}", "[null]", "[[]]", "[1,2]", "[\"a\"]",
            "{\"type\":\"json_object\"}", "{\"type\":\"json_schema\",\"json_schema\":{\"schema\":{\"$ref\":\"#\"}}}", "{\"1\":1}",
            "{\"\\ud800\":1}", "[{\"type\":\"function\",\"function\":{\"name\":\"\\udc00\"}}]",
            "[{\"role\":\"user\",\"content\":\"a\"}]", "[{\"role\":\"assistant\",\"tool_calls\":[1]}]", "\"required\"", "\"auto\"",
            "{\"type\":\"json_schema\",\"json_schema\":{\"schema\":{\"type\":\"array\",\"items\":{\"type\":\"\\ud800\"}}}}",
            "[" + Weather + "]",
        ];
        var random = new Random(11);
        for (int round = 0; round < 400; round++)
        {
            string path = new[] { Completions, Chats, "/v1/embeddings" }[round % 3];
            var fields = new List<string>();
            if (random.Next(4) > 0)
            {
                fields.Add(path == Chats ? Hello : path == Completions ? "\"prompt\":\"Mia\"" : "\"input\":\"Mia\"");
                fields.Add("\"max_tokens\":3");
            }

            for (int i = random.Next(1, 4); i > 0; i--)
            {
                fields.Add($"\"{names[random.Next(names.Length)]}\":{values[random.Next(values.Length)]}");
            }

            string body = "{" + string.Join(',', fields) + "}";
            body = random.Next(8) == 0 ? body[..random.Next(body.Length)] : body;
            using HttpResponseMessage response = await server.Send(path, body);
            string text = await response.Content.ReadAsStringAsync();
            Assert.True(
                response.StatusCode is HttpStatusCode.OK or HttpStatusCode.BadRequest or HttpStatusCode.NotFound,
                $"{path} {body}\n{(int)response.StatusCode} {text}");
            Assert.True(
                response.StatusCode == HttpStatusCode.OK
                    || JsonNode.Parse(text)!["error"]!["type"]!.GetValue<string>() == "invalid_request_error", text);
        }

        await Until(() => Engine.Statistics is { Running: 0, PagesUsed: 0 });
    }

    [SkippableTheory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task AClientThatGoesFreesItsPages(bool stream)
    {
        server.SkipWithoutDevice();

        long before = Engine.Statistics.Requests;
        long tokens = Engine.Statistics.GeneratedTokens;

        // A raw socket: closing it is all that the server gets to know.
        Uri address = Client.BaseAddress!;
        using (var socket = new TcpClient())
        {
            await socket.ConnectAsync(address.Host, address.Port);
            string body = $$"""{"prompt":[1,2,3],"max_tokens":1000,"temperature":2,"seed":1,"stream":{{(stream ? "true" : "false")}}}""";
            await socket.GetStream().WriteAsync(Encoding.ASCII.GetBytes(
                $"POST {Completions} HTTP/1.1\r\nHost: {address.Authority}\r\nContent-Type: application/json\r\nContent-Length: "
                    + $"{body.Length}\r\n\r\n{body}"));
            if (stream)
            {
                Assert.True(await socket.GetStream().ReadAsync(new byte[100]) > 0);
            }

            await Until(() => Engine.Statistics.PagesUsed > 0);
        }

        await Until(() => Engine.Statistics.Requests == before + 1);
        Assert.Equal((0, StoriesServer.Pages), (Engine.Statistics.PagesUsed, Engine.Statistics.PagesFree));
        Assert.True(Engine.Statistics.GeneratedTokens - tokens < 1000, "It ended before the client went.");
    }

    private static GenerationRequest LongRequest() => new([1, 2, 3], 1000) { IgnoreEnd = true };

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
}
