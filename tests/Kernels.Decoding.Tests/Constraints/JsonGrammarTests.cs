using System.Diagnostics;
using System.Text;
using System.Text.Json;
using Xunit;

namespace Kernels.Decoding.Tests;

public sealed class JsonGrammarTests
{
    private const string Person = """
        {"type":"object","properties":{"name":{"type":"string","maxLength":5},"age":{"type":"integer"},"tags":{"type":"array","items":{"enum":["a","b\"c"]},"minItems":1,"maxItems":2}},
         "required":["name","tags"],"additionalProperties":false}
        """;

    [Theory]
    [InlineData(Person, """{"name":"Mia","age":7,"tags":["a"]}""", true)]
    [InlineData(Person, """{ "name" : "Mia" , "tags" : [ "a" , "b\"c" ] }""", true)]
    [InlineData(Person, """{"name":"Mia"}""", false)]
    [InlineData(Person, """{"name":"Mia","tags":[]}""", false)]
    [InlineData(Person, """{"name":"Mia","tags":["a","a","a"]}""", false)]
    [InlineData(Person, """{"name":"Mia","tags":["c"]}""", false)]
    [InlineData(Person, """{"name":"Miaaaa","tags":["a"]}""", false)]
    [InlineData(Person, """{"name":"Zoë😀x","tags":["a"]}""", true)]
    [InlineData(Person, """{"name":"\u00e9\n","tags":["a"]}""", true)]
    [InlineData(Person, """{"name":"\ud83d","tags":["a"]}""", false)]
    [InlineData(Person, """{"name":"Mia","age":7.5,"tags":["a"]}""", false)]
    [InlineData(Person, """{"name":"Mia","size":1,"tags":["a"]}""", false)]
    [InlineData(Person, """{"name":"Mia","tags":["a"],}""", false)]
    [InlineData("""{"type":"object"}""", """{"a":{"b":[1,-2.5e3,null,true,false,"x"]}}""", true)]
    [InlineData("""{"type":"object"}""", "[]", false)]
    [InlineData("true", "01", false)]
    [InlineData("true", "-0.5", true)]
    [InlineData("true", "1.", false)]
    [InlineData("true", "\"a\nb\"", false)]
    [InlineData("""{"type":["string","null"]}""", "null", true)]
    [InlineData("""{"type":["string","null"]}""", "1", false)]
    [InlineData("""{"const":{"a":[1,"x"]}}""", """{"a":[1,"x"]}""", true)]
    [InlineData("""{"enum":[1,12,123]}""", "12", true)]
    [InlineData("""{"enum":[1,12,123]}""", "13", false)]
    [InlineData(
        """{"anyOf":[{"type":"object","properties":{"a":{"type":"null"}},"required":["a"]},{"type":"object","properties":{"a":{"type":"boolean"}},"required":["a"]}]}""", """{"a":true}""", true)]
    [InlineData("""{"oneOf":[{"type":"string"},{"type":"number"}]}""", "3", true)]
    [InlineData(
        """{"type":"object","properties":{"a":{"type":"null"}},"additionalProperties":{"type":"integer"}}""",
        """{"a":null,"b":1,"ab":2}""", true)]
    [InlineData(
        """{"type":"object","properties":{"a":{"type":"null"}},"additionalProperties":{"type":"integer"}}""", """{"b":1,"a":2}""", false)]
    [InlineData("""{"type":"object","properties":{"a":{"type":"null"}}}""", """{"b":1}""", false)]
    [InlineData("""{"type":"object","required":["b"]}""", """{"b":[1]}""", true)]
    [InlineData("""{"type":"object","required":["b"]}""", "{}", false)]
    [InlineData(
        """{"$ref":"#/$defs/tree","$defs":{"tree":{"type":"object","properties":{"v":{"type":"integer"},"c":{"type":"array","items":{"$ref":"#/$defs/tree"}}},"required":["v"]}}}""", """{"v":1,"c":[{"v":2},{"v":3,"c":[]}]}""", true)]
    public void TakesTheTextsOfASchemaAndNoOthers(string schema, string text, bool expected)
    {
        using JsonDocument document = JsonDocument.Parse(schema);
        var machine = new JsonMachine(JsonGrammar.FromSchema(document.RootElement));
        int state = machine.Start;
        foreach (byte b in Encoding.UTF8.GetBytes(text))
        {
            state = state < 0 ? state : machine.Next(state, b);
        }

        Assert.Equal(expected, machine.MayEnd(state));
    }

    [Theory]
    [InlineData("""{"type":"string","pattern":"a+"}""", "'pattern'")]
    [InlineData("""{"type":"integer","minimum":3}""", "'minimum'")]
    [InlineData("""{"type":"object","patternProperties":{}}""", "'patternProperties'")]
    [InlineData("""{"type":"array","uniqueItems":true}""", "'uniqueItems'")]
    [InlineData("""{"properties":{"a":{"not":{}}}}""", "#/properties/a: 'not'")]
    [InlineData("""{"oneOf":[{"type":"string"},{"type":"string"}]}""", "'oneOf'")]
    [InlineData("""{"allOf":[{"type":"string"},{"type":"string"}]}""", "'allOf'")]
    [InlineData("""{"$ref":"#/$defs/none"}""", "'#/$defs/none'")]
    [InlineData("""{"$ref":"https://example.com/schema"}""", "'$ref'")]
    [InlineData("""{"$ref":"#"}""", "itself")]
    [InlineData("""{"type":"object","properties":{"a":{"$ref":"#"}},"required":["a"]}""", "no end")]
    [InlineData("""{"type":"word"}""", "'word'")]
    [InlineData("""{"type":"array","minItems":3,"maxItems":2}""", "'minItems'")]
    [InlineData("""{"enum":[]}""", "'enum'")]
    [InlineData("false", "nothing")]
    [InlineData("7", "not an object")]
    public void RefusesByNameWhatItLacks(string schema, string message)
    {
        using JsonDocument document = JsonDocument.Parse(schema);
        Assert.Contains(
            message, Assert.Throws<JsonSchemaException>(() => JsonGrammar.FromSchema(document.RootElement)).Message,
            StringComparison.Ordinal);
    }

    /// <summary>Whatever tokens are drawn, the text is JSON of the schema in the end.</summary>
    [Theory]
    [InlineData(Person)]
    [InlineData("""{"type":"array","items":{"type":["number","boolean","null"]},"maxItems":4}""")]
    [InlineData(
        """{"type":"object","properties":{"é\n":{"const":"ß"},"b":{"anyOf":[{"type":"string","maxLength":3},{"type":"integer"}]}},"required":["b"],"additionalProperties":false}""")]
    public void DrawnTokensMakeJsonOfTheSchema(string schema)
    {
        using JsonDocument document = JsonDocument.Parse(schema);
        JsonGrammar grammar = JsonGrammar.FromSchema(document.RootElement);
        TextTokenizer tokenizer = EngineFixture.Tokenizer;
        var random = new Random(3);
        for (int round = 0; round < 60; round++)
        {
            var mask = new JsonTokenMask(tokenizer, grammar);
            var tokens = new List<int>();
            while (!mask.MustEnd && tokens.Count < 400)
            {
                ulong[] words = mask.Allowed.ToArray();
                int[] allowed = [.. Enumerable.Range(0, tokenizer.Count).Where(t => (words[t >> 6] >> (t & 63) & 1) != 0)];
                Assert.NotEmpty(allowed);
                tokens.Add(allowed[random.Next(allowed.Length)]);
                mask.Accept(tokens[^1]);
            }

            Assert.True(mask.MustEnd, tokenizer.Decode([.. tokens]));
            string text = tokenizer.Decode([.. tokens]);
            using JsonDocument parsed = JsonDocument.Parse(text);
            Check(document.RootElement, parsed.RootElement, text);
        }
    }

    [Fact]
    public void MasksOfLargeVocabulariesAreFastOnceMet()
    {
        var mask = new JsonTokenMask(EngineFixture.Tokenizer, JsonGrammar.AnyObject);
        foreach (int token in EngineFixture.Tokenizer.Encode("{\"Mia\":\""))
        {
            mask.Accept(token);
        }

        _ = mask.Allowed;
        int letter = EngineFixture.Tokenizer.Encode("a")[0];
        var watch = Stopwatch.StartNew();
        for (int i = 0; i < 10_000; i++)
        {
            mask.Accept(letter);
            _ = mask.Allowed;
        }

        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(5), $"{watch.Elapsed}");
    }

    [Theory]
    [InlineData(30)]
    [InlineData(3000)]
    public void HostileSchemasEndSoon(int count)
    {
        string doubling = "{\"$ref\":\"#/$defs/d0\",\"$defs\":{" + string.Join(',', Enumerable.Range(0, count).Select(i =>
            $"\"d{i}\":{{\"anyOf\":[{{\"$ref\":\"#/$defs/d{i + 1}\"}},{{\"$ref\":\"#/$defs/d{i + 1}\"}}]}}"))
                + $",\"d{count}\":{{\"type\":\"null\"}}}}}}";
        var watch = Stopwatch.StartNew();
        try
        {
            using JsonDocument document = JsonDocument.Parse(doubling);
            var machine = new JsonMachine(JsonGrammar.FromSchema(document.RootElement));
            Assert.NotEqual(JsonMachine.Dead, machine.Next(machine.Start, (byte)'n'));
        }
        catch (JsonSchemaException e)
        {
            Assert.Contains("nested", e.Message, StringComparison.Ordinal);
        }

        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(5), $"{watch.Elapsed}");
    }

    // The keywords of the schemas above, as JSON Schema means them.
    private static void Check(JsonElement schema, JsonElement value, string text)
    {
        if (schema.TryGetProperty("anyOf", out JsonElement anyOf))
        {
            Assert.Contains(
                value.ValueKind, anyOf.EnumerateArray()
                    .Select(s => (string?)s.GetProperty("type").GetString() == "string" ? JsonValueKind.String : JsonValueKind.Number));
        }

        if (schema.TryGetProperty("const", out JsonElement constant))
        {
            Assert.Equal(constant.GetString(), value.GetString());
        }

        if (schema.TryGetProperty("enum", out JsonElement constants))
        {
            Assert.Contains(value.GetString(), constants.EnumerateArray().Select(c => c.GetString()));
        }

        if (schema.TryGetProperty("maxLength", out JsonElement length))
        {
            Assert.True(value.GetString()!.EnumerateRunes().Count() <= length.GetInt32(), text);
        }

        if (schema.TryGetProperty("items", out JsonElement items))
        {
            Assert.Equal(JsonValueKind.Array, value.ValueKind);
            Assert.True(value.GetArrayLength() <= schema.GetProperty("maxItems").GetInt32(), text);
            foreach (JsonElement item in value.EnumerateArray())
            {
                Check(items, item, text);
            }
        }

        if (schema.TryGetProperty("properties", out JsonElement properties))
        {
            Assert.All(
                schema.GetProperty("required").EnumerateArray(), name => Assert.True(value.TryGetProperty(name.GetString()!, out _), text));
            foreach (JsonProperty property in value.EnumerateObject())
            {
                Check(properties.GetProperty(property.Name), property.Value, text);
            }
        }
    }
}
