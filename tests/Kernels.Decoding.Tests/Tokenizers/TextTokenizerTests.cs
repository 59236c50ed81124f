using System.Text.Json;
using System.Text.Json.Nodes;
using Xunit;

namespace Kernels.Decoding.Tests;

public sealed class TextTokenizerTests
{
    private static readonly string Stories = TestData.Folder("stories-gqa");

    public static TheoryData<string> Sources => new() { "tokenizer.json", "vocab.json" };

    /// <summary>Token ids that Hugging Face's tokenizer gave, for whole stories and for the ends of prompts.</summary>
    [Theory]
    [MemberData(nameof(Sources))]
    public void GivesTheIdsOfHuggingFace(string source)
    {
        TextTokenizer tokenizer = Open(source);
        using JsonDocument greedy = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(Stories, "greedy.json")));
        int checkedTexts = 0;
        foreach (JsonElement story in greedy.RootElement.GetProperty("long").EnumerateArray())
        {
            string text = story.GetProperty("text").GetString()!;
            int[] ids = [.. story.GetProperty("all_tokens_with_bos").EnumerateArray().Skip(1).Select(e => e.GetInt32())];
            Assert.Equal(ids, tokenizer.Encode(text));
            Assert.Equal([0, .. ids], tokenizer.EncodePrompt(text).ToArray());
            Assert.Equal(text, tokenizer.Decode(ids));
            checkedTexts++;
        }

        foreach (JsonElement entry in greedy.RootElement.GetProperty("short").EnumerateArray())
        {
            string text = entry.GetProperty("prompt").GetString() + entry.GetProperty("greedy_text").GetString();
            int[] continuation = [.. entry.GetProperty("greedy_tokens").EnumerateArray().Select(e => e.GetInt32())];
            int[] ids = tokenizer.Encode(text);
            Assert.Equal(continuation, ids[^continuation.Length..]);
            Assert.Equal(text, tokenizer.Decode(ids));
            checkedTexts++;
        }

        Assert.Equal(28, checkedTexts);
    }

    [Theory]
    [InlineData("")]
    [InlineData(" ")]
    [InlineData("  two  spaces \n\n\tand a tab\r\n ")]
    [InlineData("It's they'll 42nd x2=y;--!?")]
    [InlineData("naïve Straße 日本語 🙂👩‍👩‍👧 \u0000\u007f\u00ad")]
    public void RoundTrips(string text)
    {
        TextTokenizer tokenizer = Open("tokenizer.json");

        Assert.Equal(text, tokenizer.Decode(tokenizer.Encode(text)));
    }

    [Fact]
    public void SplitsWordsBeforeItMerges()
    {
        // " t" and "he" are tokens, but merges must not cross from the space run into the word, nor add a space in front.
        TextTokenizer tokenizer = Open("tokenizer.json");
        int[] spaced = tokenizer.Encode("  the");
        Assert.Equal([.. tokenizer.Encode(" "), .. tokenizer.Encode(" the")], spaced);
        Assert.NotEqual(tokenizer.Encode(" One"), tokenizer.Encode("One"));
    }

    [Theory]
    [MemberData(nameof(Sources))]
    public void FindsSpecialTokensInText(string source)
    {
        TextTokenizer tokenizer = Open(source);

        Assert.Equal([.. tokenizer.Encode("a"), 0, .. tokenizer.Encode("b")], tokenizer.Encode("a<|endoftext|>b"));
        Assert.Equal("", tokenizer.Decode([0]));
        Assert.Equal("<|endoftext|>", tokenizer.Decode([0], keepSpecial: true));
    }

    [Fact]
    public void SeveralThreadsMayEncodeAtOnce()
    {
        TextTokenizer tokenizer = TextTokenizer.Load(TestData.Folder("stories-gqa"));
        string[] texts =
            [.. Enumerable.Range(0, 400)
                .Select(
                    i => string.Create(
                        System.Globalization.CultureInfo.InvariantCulture, $"One morning {i} ducks ran{i % 7} to market{i % 13}"))];
        var encoded = new int[texts.Length][];
        Parallel.For(0, texts.Length, new ParallelOptions { MaxDegreeOfParallelism = 8 }, i => encoded[i] = tokenizer.Encode(texts[i]));

        Assert.Equal(texts, encoded.Select(ids => tokenizer.Decode(ids)));
        Assert.Equal(texts.Select(text => TextTokenizer.Load(TestData.Folder("stories-gqa")).Encode(text)), encoded);
    }

    [Fact]
    public void StreamsCharactersWhoseBytesAreSplit()
    {
        TextTokenizer tokenizer = Open("tokenizer.json");
        const string Text = "é🙂!";
        int[] ids = tokenizer.Encode(Text);
        Assert.True(ids.Length >= 7, "each byte beyond ASCII is a token here");
        TokenStream stream = tokenizer.CreateStream();
        string[] pieces = [.. ids.Select(stream.Push)];

        Assert.Equal(["", "é", "", "", "", "🙂", "!"], pieces);
        Assert.Equal("", stream.Flush());
    }

    [Fact]
    public void ReplacesWhatIsNotUtf8()
    {
        TextTokenizer tokenizer = Open("tokenizer.json");
        int[] smiley = tokenizer.Encode("🙂");
        TokenStream stream = tokenizer.CreateStream();

        Assert.Equal("", stream.Push(smiley[0]));
        Assert.Equal("\uFFFDa", stream.Push(tokenizer.Encode("a")[0]));
        Assert.Equal("", stream.Push(smiley[0]));
        Assert.Equal("\uFFFD", stream.Flush());
        Assert.Equal("", stream.Flush());
    }

    [Fact]
    public void PassesOverIdsWithoutAToken()
    {
        TextTokenizer tokenizer = Open("tokenizer.json");

        Assert.Equal(574, tokenizer.Count);
        Assert.Equal("", tokenizer.Decode([574, 767, -1, int.MaxValue]));
    }

    [Fact]
    public void ReadsMergesWrittenAsStrings()
    {
        TextTokenizer expected = Open("tokenizer.json");
        TextTokenizer tokenizer = Open(json =>
        {
            JsonArray merges = json["model"]!["merges"]!.AsArray();
            json["model"]!["merges"] = new JsonArray([.. merges.Select(m => JsonValue.Create($"{m![0]} {m[1]}"))]);
        });

        Assert.Equal(expected.Encode("One morning Ruth went home."), tokenizer.Encode("One morning Ruth went home."));
    }

    [Fact]
    public void ReadsASplitByARegularExpression()
    {
        // Digits one by one, as the expressions of newer models do with three.
        TextTokenizer tokenizer = Open(json => json["pre_tokenizer"] = JsonNode.Parse("""
            {"type": "Sequence", "pretokenizers": [
              {"type": "Split", "pattern": {"Regex": "(?i:'s|'t)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"}, "behavior": "Isolated", "invert": false},
              {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false}]}
            """));

        Assert.Equal("Look, 12345 dogs.", tokenizer.Decode(tokenizer.Encode("Look, 12345 dogs.")));

        // This expression lets a symbol lead a word, so "-the" is one word, and " the" is not met in it.
        Assert.Equal([.. tokenizer.Encode("-"), .. Open("tokenizer.json").Encode("the")], tokenizer.Encode("-the"));
    }

    [Fact]
    public void TakesWordsWholeIfMergesAreIgnored()
    {
        // A token that no merge builds.
        static void AddWord(JsonObject json) => json["model"]!["vocab"]!["Ġzyzzyva"] = 574;
        TextTokenizer merging = Open(AddWord);
        TextTokenizer whole = Open(json =>
        {
            AddWord(json);
            json["model"]!["ignore_merges"] = true;
        });

        Assert.DoesNotContain(574, merging.Encode("a zyzzyva"));
        Assert.Equal([.. merging.Encode("a"), 574], whole.Encode("a zyzzyva"));
        Assert.Equal([.. merging.Encode("One morning"), 574, 0], whole.Encode("One morning zyzzyva<|endoftext|>"));
        Assert.Equal("a zyzzyva", whole.Decode(whole.Encode("a zyzzyva")));
    }

    [Theory]
    [InlineData(
        "/model/type", "\"Neural\"",
        "'model.type' is \"Neural\", which is not supported; supported: BPE, Unigram, WordPiece and WordLevel")]
    [InlineData("/model/type", "\"Unigram\"", "has no list of tokens with their scores")]
    [InlineData("/model/dropout", "0.1", "'model.dropout' is 0.1")]
    [InlineData("/model/vocab", "null", "has no object that gives each token its id")]
    [InlineData("/model/vocab/he", "-3", "token 'he' has the id -3")]
    [InlineData("/model/vocab/he", "2000000000", "token 'he' has the id 2000000000")]
    [InlineData("/model/merges", "null", "has no list 'model.merges'")]
    [InlineData("/model/merges", "[[\"a\"]]", "has the merge [\"a\"]")]
    [InlineData("/model/merges", "[\"a b c\"]", "has the merge \"a b c\"")]
    [InlineData("/model", "null", "has no key 'model'")]
    [InlineData("/normalizer", "{\"type\": \"Rot13\"}", "'type' is \"Rot13\", which is not supported")]
    [InlineData("/normalizer", "{\"type\": \"Replace\", \"pattern\": {\"String\": \"\"}, \"content\": \"x\"}", "empty text")]
    [InlineData("/normalizer", "{\"type\": \"Precompiled\", \"precompiled_charsmap\": \"AAA=\"}", "cut off")]
    [InlineData("/pre_tokenizer/type", "\"UnicodeScripts\"", "'type' is \"UnicodeScripts\"")]
    [InlineData(
        "/pre_tokenizer", "{\"type\": \"Split\", \"pattern\": {\"Regex\": \"(a\"}, \"behavior\": \"Isolated\"}",
        "the regular expression '(a' has a '(' without a ')'")]
    [InlineData(
        "/pre_tokenizer", "{\"type\": \"Split\", \"pattern\": {\"Regex\": \"(a)\\\\1\"}, \"behavior\": \"Isolated\"}",
        "which is not supported")]
    [InlineData(
        "/pre_tokenizer", "{\"type\": \"Split\", \"pattern\": {\"Regex\": \"a\"}, \"behavior\": \"Shredded\"}",
        "'behavior' is \"Shredded\"")]
    [InlineData(
        "/post_processor", "{\"type\": \"TemplateProcessing\", \"single\": [{\"SpecialToken\": {\"id\": \"x\"}}], \"special_tokens\": {}}",
        "names the token 'x'")]
    [InlineData("/decoder", "{\"type\": \"CTC\"}", "'type' is \"CTC\"")]
    [InlineData("/added_tokens/0/id", "null", "token '<|endoftext|>' has the id null")]
    [InlineData("/added_tokens/0/content", "7", "'content' is 7, not a string")]
    public void SaysClearlyWhatItDoesNotSupport(string pointer, string value, string message)
    {
        var error = Assert.Throws<CheckpointException>(() => Open(json => Set(json, pointer, JsonNode.Parse(value))));

        Assert.Contains("tokenizer.json: ", error.Message, StringComparison.Ordinal);
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void RefusesMergesThatTheVocabularyDoesNotHave()
    {
        var error = Assert.Throws<CheckpointException>(
            () => Open(json => Set(json, "/model/merges", JsonNode.Parse("[[\"qqq\", \"zzz\"]]"))));

        Assert.Contains("do not fit", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void RefusesAFolderWithoutATokenizer()
    {
        using var folder = new TemporaryFolder();
        folder.Write("vocab.json", "{}");

        Assert.Contains(
            "has no tokenizer", Assert.Throws<CheckpointException>(() => TextTokenizer.Load(folder.Path)).Message,
            StringComparison.Ordinal);

        folder.Write("merges.txt", "#version: 0.2\na b c\n");
        Assert.Contains(
            "has the line 'a b c'", Assert.Throws<CheckpointException>(() => TextTokenizer.Load(folder.Path)).Message,
            StringComparison.Ordinal);
    }

    private static void Set(JsonNode node, string pointer, JsonNode? value)
    {
        string[] keys = pointer.Split('/')[1..];
        foreach (string key in keys[..^1])
        {
            node = (node is JsonArray ? node[int.Parse(key)] : node[key])!;
        }

        node[keys[^1]] = value;
    }

    private static TextTokenizer Open(string source)
    {
        if (source == "tokenizer.json")
        {
            return TextTokenizer.Load(Stories);
        }

        using var folder = new TemporaryFolder();
        foreach (string file in (string[])["vocab.json", "merges.txt", "tokenizer_config.json"])
        {
            File.Copy(Path.Combine(Stories, file), folder.File(file));
        }

        return TextTokenizer.Load(folder.Path);
    }

    private static TextTokenizer Open(Action<JsonObject> change)
    {
        JsonObject json = JsonNode.Parse(File.ReadAllText(Path.Combine(Stories, "tokenizer.json")))!.AsObject();
        change(json);
        using var folder = new TemporaryFolder();
        folder.Write("tokenizer.json", json.ToJsonString());
        return TextTokenizer.Load(folder.Path);
    }
}
