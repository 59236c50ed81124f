using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using Xunit;

namespace Kernels.Serving.Tests;

/// <summary>Chats on the server with a template of the model's own.</summary>
[Collection(DeviceCollection.Name)]
public sealed class ChatServerTests(Devices devices) : IAsyncLifetime
{
    private const string Template =
        "{{ bos_token }}{% for m in messages %}{% if m.role == 'user' and loop.previtem is defined and loop.previtem.role == 'user' %}"
        + "{{ raise_exception('Roles must alternate.') }}{% endif %}{{ m.role }}|{{ m.content if m.content is not none }}"
        + "{% for c in m.tool_calls or [] %}{{ c.function.name }}{% for k, v in c.function.arguments.items() %} {{ k }}={{ v }}{% endfor "
        + "%}{% endfor %}{{ '\\n' }}{% endfor %}"
        + "{% for t in tools or [] %}{{ t.function.name }}{% endfor %}{% if enable_thinking is defined and not enable_thinking %}quiet{% "
        + "endif %}>";

    private DecodingEngine? engine;
    private LanguageModel? model;
    private DecoderServer? server;
    private HttpClient? client;

    public async Task InitializeAsync()
    {
        if (Devices.All[0] < 0)
        {
            return;
        }

        engine = EngineFixture.Start(
            devices.OpenFirst(), "stories-gqa", sequences: 1, capacity: 1024, pages: 64, new EngineOptions { QueueLimit = 2 });
        ChatTemplate template = ChatTemplate.Parse(
            Template, new Dictionary<string, string> { ["bos_token"] = "<|endoftext|>", ["eos_token"] = "<|endoftext|>" });
        model = new LanguageModel(engine, EngineFixture.Tokenizer, "stories") { Template = template };
        server = await DecoderServer.StartAsync(model, new ServerOptions { Urls = "http://127.0.0.1:0" });
        client = new HttpClient { BaseAddress = new Uri(Assert.Single(server.Addresses)), Timeout = TimeSpan.FromMinutes(1) };
    }

    public async Task DisposeAsync()
    {
        client?.Dispose();
        if (server is not null)
        {
            await server.DisposeAsync();
        }

        model?.Dispose();
        engine?.Dispose();
    }

    public static TheoryData<string, string> Prompts => new()
    {
        { """{"messages":[{"role":"user","content":"Hi"}]}""", "user|Hi\n>" },
        { """{"messages":[{"role":"user","content":[{"type":"text","text":"H"},{"type":"text","text":"i"}]}]}""", "user|Hi\n>" },
        { """{"messages":[{"role":"user","content":"Hi"}],"chat_template_kwargs":{"enable_thinking":false}}""", "user|Hi\nquiet>" },
        { """{"messages":[{"role":"user","content":"Hi"}],"tools":[{"type":"function","function":{"name":"look","parameters":{"a":{"b":{"c":{"d":{"e":{"f":{"g":{"h":{"i":{"j":{"k":{"l":1}}}}}}}}}}}}}}]}""", "user|Hi\nlook>" },
        { """{"messages":[{"role":"user","content":"Hi"}],"tools":[{"type":"function","function":{"name":"look"}}],"tool_choice":"auto"}""",
            "user|Hi\nlook>" },
        { """{"messages":[{"role":"user","content":"Hi"}],"tools":[{"type":"function","function":{"name":"look"}}],"tool_choice":"none"}""",
            "user|Hi\n>" },
        {
            """{"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":null,"tool_calls":[{"id":"1","type":"function","function":{"name":"look","arguments":"{\"at\":\"sky\"}"}}]},{"role":"tool","tool_call_id":"1","content":"blue"}],"tools":[]}""",
            "user|Hi\nassistant|look at=sky\ntool|blue\n>"
        },
    };

    [SkippableTheory]
    [MemberData(nameof(Prompts))]
    public async Task RendersThroughTheModelsTemplate(string request, string prompt)
    {
        Skip.If(client is null, "This machine has no OpenCL device.");
        (HttpStatusCode status, JsonNode answer) = await Post(request[..^1] + ",\"max_tokens\":8,\"temperature\":0}");
        Assert.True(status == HttpStatusCode.OK, answer.ToJsonString());

        // The prompt is the template's text and nothing else: its first token is what it wrote itself.
        int[] tokens = [0, .. EngineFixture.Tokenizer.Encode(prompt)];
        GenerationResult expected = await engine!.TrySubmit(new GenerationRequest([.. tokens], 8))!.CompleteAsync();
        Assert.Equal(tokens.Length, (int)answer["usage"]!["prompt_tokens"]!);
        Assert.Equal(expected.Text, (string?)answer["choices"]![0]!["message"]!["content"]);
    }

    [SkippableTheory]
    [InlineData("""{"messages":[{"role":"user","content":"Hi"},{"role":"user","content":"Hi"}]}""", "messages", "Roles must alternate.")]
    [InlineData("""{"messages":[{"role":"user","content":"Hi"}],"chat_template_kwargs":[1]}""", "chat_template_kwargs", "object")]
    [InlineData("""{"messages":[{"role":"user","content":"Hi"}],"tools":{}}""", "tools", "list")]
    [InlineData("""{"messages":[{"role":"user","content":null}]}""", "messages", "content")]
    [InlineData("""{"messages":[{"role":"assistant","content":null}]}""", "messages", "content")]
    [InlineData(
        """{"messages":[{"role":"assistant","tool_calls":[{"function":{"name":"f","arguments":"[1]"}}]}]}""", "messages",
        "'list object' has no attribute 'items'")]
    [InlineData("""{"messages":[{"role":"user","content":"Hi","name":"\ud800"}]}""", "messages[0].name", "not a well-formed request")]
    public async Task WhatTheTemplateRefusesIsABadRequest(string request, string parameter, string message)
    {
        Skip.If(client is null, "This machine has no OpenCL device.");
        (HttpStatusCode status, JsonNode answer) = await Post(request);

        Assert.Equal((HttpStatusCode.BadRequest, parameter), (status, (string?)answer["error"]!["param"]));
        Assert.Contains(message, (string)answer["error"]!["message"]!, StringComparison.Ordinal);
    }

    [SkippableFact]
    public async Task ATokenOfTheRequestEndsItsText()
    {
        Skip.If(client is null, "This machine has no OpenCL device.");
        int[] prompt = [0, .. EngineFixture.Tokenizer.Encode("One morning Mia")];
        GenerationResult whole = await engine!.TrySubmit(new GenerationRequest([.. prompt], 12))!.CompleteAsync();
        int end = whole.Tokens[5];
        GenerationResult ended = await engine!.TrySubmit(new GenerationRequest([.. prompt], 12) { StopTokens = [end] })!.CompleteAsync();

        Assert.Equal(FinishReason.Stop, ended.Finish);
        Assert.Equal(whole.Tokens[..whole.Tokens.IndexOf(end)].AsEnumerable(), ended.Tokens.AsEnumerable());
    }

    private async Task<(HttpStatusCode Status, JsonNode Answer)> Post(string json)
    {
        using HttpResponseMessage response = await client!.PostAsync(
            "/v1/chat/completions", new StringContent(json, Encoding.UTF8, "application/json"));
        return (response.StatusCode, JsonNode.Parse(await response.Content.ReadAsStringAsync())!);
    }
}
