using System.Text.Json;
using System.Text.Json.Nodes;
using Xunit;

namespace Kernels.Decoding.Tests;

public sealed class ChatTemplateTests
{
    // In the manner of published ones, but shorter: turns, tools, calls with their results, thoughts that are not replayed.
    private const string Tools =
        """
        {{- bos_token }}
        {%- if tools %}
            {{- '<sys>' }}
            {%- if messages[0].role == 'system' %}
                {{- messages[0].content + '\n\n' }}
            {%- endif %}
            {{- "Functions:" }}
            {%- for tool in tools %}
                {{- "\n" }}
                {{- tool | tojson }}
            {%- endfor %}
            {{- "<end>\n" }}
        {%- elif messages[0].role == 'system' %}
            {{- '<sys>' + messages[0].content + '<end>\n' }}
        {%- endif %}
        {%- for message in messages %}
            {%- if message.role == 'user' or (message.role == 'system' and not loop.first) %}
                {{- '<' + message.role + '>' + message.content + '<end>\n' }}
            {%- elif message.role == 'assistant' %}
                {%- set content = message.content if message.content is string else '' %}
                {%- if '</think>' in content %}
                    {%- set content = content.split('</think>')[-1].lstrip('\n') %}
                {%- endif %}
                {{- '<assistant>' + content }}
                {%- for call in message.tool_calls or [] %}
                    {{- '\n<call>' ~ call.function.name ~ ' ' ~ (call.function.arguments | tojson) ~ '</call>' }}
                {%- endfor %}
                {{- '<end>\n' }}
            {%- elif message.role == 'tool' %}
                {%- if loop.previtem.role != 'tool' %}{{- '<results>' }}{% endif %}
                {{- '[' ~ message.tool_call_id ~ '] ' ~ message.content }}
                {%- if loop.last or loop.nextitem.role != 'tool' %}{{- '<end>\n' }}{% else %}{{- '\n' }}{% endif %}
            {%- endif %}
        {%- endfor %}
        {%- if add_generation_prompt %}
            {{- '<assistant>' }}
            {%- if enable_thinking is defined and enable_thinking is false %}
                {{- '<think>\n\n</think>\n\n' }}
            {%- endif %}
        {%- endif %}
        """;

    private static readonly string Weather =
        """{"type":"function","function":{"name":"weather","parameters":{"type":"object","properties":{"city":{"type":"string","description":"Größe & <b>"}}}}}""";

    public static TheoryData<string, string> Chats => new()
    {
        { """{"messages":[{"role":"user","content":"Hi"}]}""", "<s><user>Hi<end>\n<assistant>" },
        { """{"messages":[{"role":"user","content":"Hi"}],"add_generation_prompt":false}""", "<s><user>Hi<end>\n" },
        { """{"messages":[{"role":"user","content":"Hi"}],"enable_thinking":false}""",
            "<s><user>Hi<end>\n<assistant><think>\n\n</think>\n\n" },
        { """{"messages":[{"role":"user","content":"Hi"}],"enable_thinking":true}""", "<s><user>Hi<end>\n<assistant>" },
        { """{"messages":[{"role":"system","content":"Be brief."},{"role":"user","content":"Hi 🙂"}]}""",
            "<s><sys>Be brief.<end>\n<user>Hi 🙂<end>\n<assistant>" },
        { """{"messages":[{"role":"developer","content":"Be brief."},{"role":"user","content":"Hi"}]}""",
            "<s><sys>Be brief.<end>\n<user>Hi<end>\n<assistant>" },
        {
            """{"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":"<think>\nHm.\n</think>\n\nHello."},{"role":"user","content":""}]}""",
            "<s><user>Hi<end>\n<assistant>Hello.<end>\n<user><end>\n<assistant>"
        },
        {
            """{"messages":[{"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]}]}""",
            "<s><user>ab<end>\n<assistant>"
        },
        {
            $$"""{"messages":[{"role":"user","content":"Hi"}],"tools":[{{Weather}}]}""",
            "<s><sys>Functions:\n"
            + """{"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {"city": {"type": "string", "description": "Größe & <b>"}}}}}"""
            + "<end>\n<user>Hi<end>\n<assistant>"
        },
        {
            """{"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":null,"tool_calls":[{"id":"1","type":"function","function":{"name":"weather","arguments":"{\"city\": \"Röm\",\"n\":[1,2.50,null]}"}},{"id":"2","type":"function","function":{"name":"time","arguments":{}}}]},{"role":"tool","tool_call_id":"1","content":"31"},{"role":"tool","tool_call_id":"2","content":"noon"}]}""",
            "<s><user>Hi<end>\n<assistant>\n<call>weather {\"city\": \"Röm\", \"n\": [1, 2.5, null]}</call>\n<call>time "
                + "{}</call><end>\n<results>[1] 31\n[2] noon<end>\n<assistant>"
        },
        {
            """{"messages":[{"role":"user","content":"Hi"},{"role":"assistant","tool_calls":[{"function":{"name":"f","arguments":""}},{"function":{"name":"g","arguments":"no JSON"}}]}]}""",
            "<s><user>Hi<end>\n<assistant>\n<call>f {}</call>\n<call>g \"no JSON\"</call><end>\n<assistant>"
        },
    };

    [Theory]
    [MemberData(nameof(Chats))]
    public void WritesChats(string conversation, string expected) =>
        Assert.Equal(
            expected, ChatTemplate.Parse(Tools, new Dictionary<string, string> { ["bos_token"] = "<s>" })
                .Render(Conversation(conversation)));

    [Fact]
    public void ArgumentsReachATemplateThatPutsThemIntoTheTextAsTheyCame()
    {
        ChatTemplate template = ChatTemplate.Parse(
            "{% for m in messages %}{% for c in m.tool_calls %}{{ '<' + c.function.arguments + '>' }}{% endfor %}{% endfor %}");

        Assert.Equal(
            "<{\"a\":1}>",
            template.Render(
                Conversation(
                    """{"messages":[{"role":"assistant","content":null,"tool_calls":[{"function":{"name":"f","arguments":"{\"a\":1}"}}]}]}""")));
    }

    [Fact]
    public void PartsReachATemplateThatGoesThroughThem()
    {
        ChatTemplate template = ChatTemplate.Parse(
            "{% for m in messages %}{% if m['content'] is string %}{{ m['content'] }}{% else %}{% for p in m['content'] %}({{ p.type "
                + "}}:{{ p.text }}){% endfor %}{% endif %}{% endfor %}");

        Assert.Equal(
            "(text:a)(text:b)", template.Render(
                Conversation("""{"messages":[{"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]}]}""")));
        Assert.Equal("a", template.Render([new ChatTurn("user", "a")]));
    }

    [Fact]
    public void AllFieldsReachTheTemplateInTheirOrder()
    {
        ChatTemplate template = ChatTemplate.Parse(
            "{{ messages[0] }}{{ documents[0].title }}{{ tools }}{{ tools is defined }}{{ eos_token }}");
        var message = new JsonObject { ["z"] = 1, ["role"] = "user", ["reasoning_content"] = "why", ["content"] = null };

        Assert.Equal(
            "{'z': 1, 'role': 'user', 'reasoning_content': 'why', 'content': None}TNoneTrue",
            template.Render(new ChatConversation([new ChatTurn(message)]) { Documents = Json("""[{"title":"T"}]""") }));
    }

    [Fact]
    public void TheDateIsTheCallers()
    {
        ChatTemplate template = ChatTemplate.Parse("{{ strftime_now('%d %B %Y') }}");

        Assert.Equal("09 March 2026", template.Render(new ChatConversation([]) { Date = new DateTime(2026, 3, 9) }));
        Assert.Contains(
            template.Render([]), (string[])[.. new[] { -1, 0 }.Select(day => DateTime.Now.AddDays(day).ToString("dd MMMM yyyy", null))]);
    }

    [Fact]
    public void ARefusalIsTheTemplatesOwnText()
    {
        ChatTemplate template = ChatTemplate.Parse(
            "{% for m in messages %}{% if (m.role == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('Roles must alternate!') }}{% "
                + "endif %}{% endfor %}");
        ChatTemplateException error = Assert.Throws<ChatTemplateException>(() => template.Render([new ChatTurn("assistant", "x")]));

        Assert.Equal((ChatTemplateFault.Refused, "Roles must alternate!"), (error.Fault, error.Message));
    }

    [Fact]
    public void SaysWhichVariablesItReads()
    {
        ChatTemplate template = ChatTemplate.Parse(Tools);

        Assert.True(template.Reads("tools") && template.Reads("enable_thinking") && template.Reads("messages"));
        Assert.False(template.Reads("documents") || template.Reads("tool_choice") || template.Reads("function"));
        Assert.False(ChatTemplate.Plain.Reads("tools"));
    }

    [Fact]
    public void WithoutATemplateAChatIsLines()
    {
        ChatTemplate plain = ChatTemplate.Plain;

        Assert.Equal(
            "system: Be brief.\nuser: Hello\nassistant: Hi.\nuser: a\nb \nassistant:",
            plain.Render([new("system", "Be brief."), new("user", "Hello"), new("assistant", " Hi."), new("user", "a\nb ")]));
        Assert.Equal(
            "assistant: [{\"id\": \"1\"}]\ntool: 5\n",
            plain.Render(
                Conversation(
                    """{"messages":[{"role":"assistant","content":null,"tool_calls":[{"id":"1"}]},{"role":"tool","content":[{"type":"text","text":"5"}]}],"add_generation_prompt":false}""")));
        Assert.Equal((false, "\nuser:"), (plain.WritesSpecialTokens, Assert.Single(plain.Stop)));
    }

    [Theory]
    [InlineData("""{"content":"x"}""")]
    [InlineData("""{"role":1,"content":"x"}""")]
    [InlineData("""{"role":"user","content":"\ud800"}""")]
    [InlineData("""{"role":"user","content":[{"text":"\udc00"}]}""")]
    [InlineData("""[]""")]
    [InlineData("""null""")]
    public void WhatIsNoMessageIsRefused(string json) => Assert.Throws<ArgumentException>(() => new ChatTurn(Json(json)));

    [Fact]
    public void TheShippedCheckpointsHaveNoTemplate()
    {
        Assert.Null(ChatTemplate.Load(TestData.Folder("stories-gqa")));
        Assert.Null(ChatTemplate.Load(TestData.Folder("stories-mla")));
        using var folder = new TemporaryFolder();
        Assert.Null(ChatTemplate.Load(folder.Path));
        folder.Write("tokenizer_config.json", """{"chat_template":null}""");
        Assert.Null(ChatTemplate.Load(folder.Path));
    }

    [Fact]
    public void LoadsWhereverModelsKeepTheirTemplates()
    {
        using var folder = new TemporaryFolder();
        string Written(bool tools = false) =>
            ChatTemplate.Load(folder.Path)!.Render(new ChatConversation([]) { Tools = tools ? Json("[]") : null });
        folder.Write("chat_template.json", """{"chat_template":"processor"}""");
        Assert.Equal("processor", Written());
        folder.Write(
            "tokenizer_config.json",
            """{"chat_template":"{{ bos_token }}{{ eos_token }}{{ pad_token }}{{ image_token }}{{ additional_special_tokens }}","bos_token":{"content":"<s>","lstrip":false},"eos_token":"</s>","pad_token":null,"extra_special_tokens":{"image_token":"<img>"},"additional_special_tokens":["a",{"content":"b"}]}""");
        folder.Write("special_tokens_map.json", """{"eos_token":"other","pad_token":{"content":"<pad>"}}""");
        Assert.Equal("<s></s><pad><img>['a', 'b']", Written());
        Assert.Equal("</s>", ChatTemplate.Load(folder.Path)!.EndToken);
        folder.Write(
            "tokenizer_config.json",
            """{"chat_template":[{"name":"tool_use","template":"tools"},{"name":"default","template":"plain"},{"name":"rag","template":"rag"}]}""");
        Assert.Equal(("plain", "tools"), (Written(), Written(tools: true)));
        folder.Write("chat_template.jinja", "{{ 'file' }}\n");
        Assert.Equal(("file", "file"), (Written(), Written(tools: true)));
        Directory.CreateDirectory(folder.File("additional_chat_templates"));
        folder.Write("additional_chat_templates/tool_use.jinja", "more");
        Assert.Equal(("file", "more"), (Written(), Written(tools: true)));
    }

    [Theory]
    [InlineData(
        "tokenizer_config.json", """{"chat_template":"{% for x in y %}"}""", "line 1 of the chat template: 'endfor' or 'else' is missing")]
    [InlineData(
        "tokenizer_config.json", """{"chat_template":7}""",
        "has a 'chat_template' that is neither a text nor a list of objects with 'name' and 'template'")]
    [InlineData(
        "tokenizer_config.json", """{"chat_template":[{"name":"default"}]}""",
        "has a 'chat_template' that is neither a text nor a list of objects with 'name' and 'template'")]
    [InlineData(
        "tokenizer_config.json", """{"chat_template":["default"]}""",
        "has a 'chat_template' that is neither a text nor a list of objects with 'name' and 'template'")]
    [InlineData("tokenizer_config.json", "{", "is not JSON: ")]
    [InlineData("chat_template.jinja", "a\n{{ 1", "line 2 of the chat template: a tag has no end '}}'")]
    public void AFileThatIsWrongIsNamed(string name, string content, string message)
    {
        using var folder = new TemporaryFolder();
        string path = folder.Write(name, content);
        CheckpointException error = Assert.Throws<CheckpointException>(() => ChatTemplate.Load(folder.Path));

        Assert.StartsWith($"{path}: {message}", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void ATemplateOfManyNamesNeedsADefault()
    {
        using var folder = new TemporaryFolder();
        folder.Write("tokenizer_config.json", """{"chat_template":[{"name":"a","template":"1"},{"name":"b","template":"2"}]}""");
        ChatTemplateException error = Assert.Throws<ChatTemplateException>(() => ChatTemplate.Load(folder.Path)!.Render([]));

        Assert.Contains("a, b", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void TokensOfARenderedChatHaveNoneAdded()
    {
        TextTokenizer tokenizer = TextTokenizer.Load(TestData.Folder("stories-gqa"));
        ChatTemplate own = ChatTemplate.Parse(
            "{{ bos_token }}{{ messages[0].content }}", new Dictionary<string, string>
            {
                ["bos_token"] = "<|endoftext|>",
                ["eos_token"] = "<|endoftext|>",
            });
        int[] expected = [0, .. tokenizer.Encode("Mia")];

        Assert.Equal(expected, own.Encode(tokenizer, own.Render([new ChatTurn("user", "Mia")])).AsEnumerable());
        Assert.Equal(0, Assert.Single(own.EndTokens(tokenizer)));
        Assert.Equal(expected, ChatTemplate.Plain.Encode(tokenizer, "Mia").AsEnumerable());
        Assert.Empty(ChatTemplate.Plain.EndTokens(tokenizer));
    }

    private static ChatConversation Conversation(string json)
    {
        JsonElement root = Json(json);
        string[] known = ["messages", "tools", "add_generation_prompt"];
        return new ChatConversation([.. root.GetProperty("messages").EnumerateArray().Select(message => new ChatTurn(message))])
        {
            Tools = root.TryGetProperty("tools", out JsonElement tools) ? tools : null,
            AddGenerationPrompt = !root.TryGetProperty("add_generation_prompt", out JsonElement add) || add.GetBoolean(),
            Variables = root.EnumerateObject().Where(property => !known.Contains(property.Name)).ToDictionary(
                property => property.Name, property => property.Value),
        };
    }

    private static JsonElement Json(string json)
    {
        using JsonDocument document = JsonDocument.Parse(json);
        return document.RootElement.Clone();
    }
}
