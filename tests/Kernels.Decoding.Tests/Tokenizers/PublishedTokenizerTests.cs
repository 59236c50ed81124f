using System.Diagnostics;
using System.Text;
using System.Text.Json.Nodes;
using Xunit;

namespace Kernels.Decoding.Tests;

/// <summary>Tokenizer files of published structure. Ids that stand here were given by Hugging Face's own library, version 0.22.</summary>
public sealed class PublishedTokenizerTests
{
    [Theory]
    [InlineData("digits-smollm", "a\n\n\nb", new[] { 64, 198, 198, 198, 65 })]
    [InlineData("digits-smollm", "e\u0301 12", new[] { 68, 136, 223, 220, 16, 17 })]
    [InlineData("empty-sequence-deepseek", "a\n\n\nb", new[] { 64, 198, 198, 198, 65 })]
    [InlineData("empty-sequence-deepseek", "e\u0301 12", new[] { 68, 136, 223, 220, 16, 17 })]
    [InlineData("longest-added", "a\n\n\nb", new[] { 64, 257, 65 })]
    [InlineData("nfc-qwen", "a\n\n\nb", new[] { 64, 198, 198, 198, 65 })]
    [InlineData("nfc-qwen", "e\u0301 12", new[] { 127, 102, 220, 16, 17 })]
    [InlineData("sentencepiece-llama2", "a\n\n\nb", new[] { 257, 258, 11, 11, 11, 99 })]
    [InlineData("sentencepiece-llama2", "e\u0301 12", new[] { 257, 102, 205, 130, 257, 50, 51 })]
    [InlineData("splits-deepseek", "a\n\n\nb", new[] { 64, 198, 198, 198, 65 })]
    [InlineData("splits-deepseek", "e\u0301 12", new[] { 68, 136, 223, 220, 16, 17 })]
    public void GivesTheIdsOfHuggingFace(string name, string text, int[] ids) => Assert.Equal(ids, Load(name).Encode(text));

    /// <summary>How expressions split, where .NET's own would see halves of characters, or sets differently.</summary>
    [Theory]
    [InlineData(@"\p{L}+", "𝔘𝔫i 12", "𝔘𝔫i| 12")]
    [InlineData(@"(?i:'s|'ll)", "a'S b'ſ c'LL", "a|'S| b|'ſ| c|'LL")]
    [InlineData(@" ?[^(\s|[.,!?])]+", "ab, c.d (e", "ab|,| c|.|d| (|e")]
    [InlineData(@"[\p{L}&&[^a-z]]+", "abCDé日x", "ab|CDé日|x")]
    [InlineData(@"\s+(?!\S)|\s+", "a   b", "a|  | |b")]
    [InlineData(@"(?<=\d)(?=\p{L})|-", "1a-2b", "1|a|-|2|b")]
    [InlineData(@"a++b|(?>c+)d", "aaab ccd", "aaab| |ccd")]
    [InlineData(@"\p{N}{1,3}", "12345", "123|45")]
    [InlineData(@"x*", "axxb", "a|xx|b")]
    [InlineData(@"(?:a?)*b", "aab", "aab")]
    [InlineData(@".{2,3}?", "abcde", "ab|cd|e")]
    public void SplitsAsOniguruma(string expression, string text, string parts)
    {
        var output = new List<PreTokenizer.Word>();
        new PreTokenizer.ByPattern(new TextPattern(expression), SplitBehavior.Isolated, invert: false).Split(new(text, true), output);

        Assert.Equal(parts, string.Join('|', output.Select(word => word.Text)));
    }

    [Theory]
    [InlineData(NormalizationForm.FormC, "e\u0301 \u212B \u1112\u1161\u11AB", "\u00E9 \u00C5 \uD55C")]
    [InlineData(NormalizationForm.FormC, "a\u0315\u0300 \u0958 \uFB2C", "\u00E0\u0315 \u0915\u093C \u05E9\u05BC\u05C1")]
    [InlineData(NormalizationForm.FormD, "\u1E69 \uD55C", "s\u0323\u0307 \u1112\u1161\u11AB")]
    [InlineData(NormalizationForm.FormKC, "\uFB01 \u2460 \uFF21\u3099", "fi 1 A\u3099")]
    [InlineData(NormalizationForm.FormKD, "\u01C4", "DZ\u030C")]
    public void NormalizesWithoutTheMachinesData(NormalizationForm form, string text, string expected) =>
        Assert.Equal(expected, UnicodeNormalizer.Normalize(text, form));

    [Theory]
    [InlineData(null, true, new[] { 65 })]
    [InlineData(false, true, new[] { 65 })]
    [InlineData(true, true, new[] { 256, 65 })]
    [InlineData(null, false, new[] { 256, 65 })]
    [InlineData(false, false, new[] { 65 })]
    [InlineData(true, false, new[] { 256, 65 })]
    public void BeginTokensAreTheTokenizersOwn(bool? adds, bool plain, int[] prompt)
    {
        using var folder = new TemporaryFolder();
        JsonObject json = Json("longest-added");
        json["added_tokens"]![0]!["content"] = "<begin>";
        json["added_tokens"]![0]!["special"] = true;
        if (!plain)
        {
            json["post_processor"] = JsonNode.Parse("""
                {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<begin>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
                 "pair": [], "special_tokens": {"<begin>": {"id": "<begin>", "ids": [256], "tokens": ["<begin>"]}}}
                """);
        }

        folder.Write("tokenizer.json", json.ToJsonString());
        folder.Write("tokenizer_config.json", new JsonObject { ["bos_token"] = "<begin>", ["add_bos_token"] = adds }.ToJsonString());

        // What the model's configuration says does not count.
        folder.Write("config.json", """{"bos_token_id": 3, "vocab_size": 300}""");
        TextTokenizer tokenizer = TextTokenizer.Load(folder.Path);

        Assert.Equal(prompt, tokenizer.EncodePrompt("b").ToArray());
        Assert.Equal(prompt, tokenizer.Encode("b", addSpecialTokens: true));
        Assert.Equal([65], tokenizer.Encode("b"));
        Assert.Equal([256, 65], tokenizer.Encode("<begin>b"));
        Assert.Equal(256, tokenizer.BeginId);
    }

    [Fact]
    public void VocabulariesGreaterThanTheModelsAreRefused()
    {
        using var folder = new TemporaryFolder();
        folder.Write("tokenizer.json", Json("longest-added").ToJsonString());
        folder.Write("config.json", """{"vocab_size": 255}""");
        Assert.Contains(
            "has a vocabulary of 256 tokens, and the model of 255", Assert.Throws<CheckpointException>(
                () => TextTokenizer.Load(folder.Path)).Message, StringComparison.Ordinal);

        // Added tokens beyond it may be there, and must not be used.
        folder.Write("config.json", """{"vocab_size": 257}""");
        TextTokenizer tokenizer = TextTokenizer.Load(folder.Path);
        Assert.Null(tokenizer.Refusal(tokenizer.Encode("a\n\nb"), 257));
        Assert.Contains("id 257", tokenizer.Refusal(tokenizer.Encode("a\n\n\nb"), 257), StringComparison.Ordinal);
    }

    [Fact]
    public void TokensListedBesideAVocabularyCount()
    {
        using var folder = new TemporaryFolder();
        foreach (string file in (string[])["vocab.json", "merges.txt"])
        {
            File.Copy(Path.Combine(TestData.Folder("stories-gqa"), file), folder.File(file));
        }

        folder.Write("added_tokens.json", """{"<one>": 600}""");
        folder.Write(
            "tokenizer_config.json", """{"added_tokens_decoder": {"601": {"content": "<two>", "special": true, "normalized": false}}}""");
        TextTokenizer tokenizer = TextTokenizer.Load(folder.Path);

        Assert.Equal([600, .. tokenizer.Encode("a"), 601], tokenizer.Encode("<one>a<two>"));
        Assert.Equal("<one>a", tokenizer.Decode(tokenizer.Encode("<one>a<two>")));
        Assert.Equal([0], tokenizer.Encode("<|endoftext|>"));
        Assert.Equal(602, tokenizer.Count);
        Assert.Equal([0, 601], tokenizer.SpecialIds.ToArray());
    }

    public static TheoryData<string> Names => new()
    {
        "digits-smollm",
        "longest-added",
        "nfc-qwen",
        "sentencepiece-llama2",
        "splits-deepseek",
        "stories-gqa",
        "metaspace",
        "byte-fallback",
    };

    [Theory]
    [MemberData(nameof(Names))]
    public void StreamsTheTextOfWholeDecoding(string name)
    {
        TextTokenizer tokenizer = Load(name);
        var random = new Random(3);
        for (int round = 0; round < 300; round++)
        {
            int[] ids = round == 0
                ? tokenizer.Encode(" naïve 日本語 🙂👩‍👧 end ")
                : [.. Enumerable.Range(0, random.Next(30)).Select(_ => random.Next(tokenizer.Count))];
            TokenStream stream = tokenizer.CreateStream();
            var text = new StringBuilder();
            foreach (int id in ids)
            {
                string piece = stream.Push(id);
                Assert.False(piece.Length > 0 && (char.IsHighSurrogate(piece[^1]) || char.IsLowSurrogate(piece[0])));
                text.Append(piece);
            }

            Assert.Equal(tokenizer.Decode(ids), text.Append(stream.Flush()).ToString());
        }
    }

    [Fact]
    public void SentencePieceKeepsOneSpaceAtTheBeginningToItself()
    {
        TextTokenizer tokenizer = Load("byte-fallback");
        int[] ids = tokenizer.Encode("a  é日");

        Assert.Equal([257, 258, 257, 257, .. "é日"u8.ToArray().Select(b => b + 1)], ids);
        Assert.Equal("a  é日", tokenizer.Decode(ids));
        Assert.Equal("a  é\uFFFD\uFFFD", tokenizer.Decode(ids.AsSpan(0, ids.Length - 1)));
        TokenStream stream = tokenizer.CreateStream();
        Assert.Equal(["", "a", " ", " ", "", "é", "", "", "日"], ids.Select(stream.Push));
        Assert.Equal("é"u8.ToArray(), tokenizer.Bytes(ids[4]).ToArray().Concat(tokenizer.Bytes(ids[5]).ToArray()));
        Assert.Equal(" "u8.ToArray(), tokenizer.Bytes(257).ToArray());
        Assert.Equal(257, tokenizer.IdOf("\u2581"));
    }

    [Fact]
    public void BytesAreThoseOfTheText()
    {
        TextTokenizer tokenizer = Load("stories-gqa");
        const string Text = "One naïve 🙂 morning";
        Assert.Equal(Encoding.UTF8.GetBytes(Text), tokenizer.Encode(Text).SelectMany(id => tokenizer.Bytes(id).ToArray()));
        Assert.True(tokenizer.Bytes(-1).IsEmpty && tokenizer.Bytes(int.MaxValue).IsEmpty);
    }

    [Fact]
    public void TextThatIsNoTextIsTaken()
    {
        // Not as data of a theory, which would be written as UTF-8 on its way.
        foreach ((string text, string expected) in ((string, string)[])[("\ud83d", "\uFFFD"), ("a\udc00b", "a\uFFFDb"),
            ("a\0b", "a\0b"), ("", "")])
        {
            foreach (string name in (string[])["nfc-qwen", "splits-deepseek", "stories-gqa", "byte-fallback"])
            {
                TextTokenizer tokenizer = Load(name);
                Assert.Equal(expected, tokenizer.Decode(tokenizer.Encode(text)));
            }
        }
    }

    public static TheoryData<string, string> Long()
    {
        var data = new TheoryData<string, string>();
        foreach (string name in (string[])["nfc-qwen", "splits-deepseek", "stories-gqa", "byte-fallback"])
        {
            foreach (string unit in (string[])["a", "\u4E00\u9FA5", " ", "\n", "he ", "\u0315\u0316", "7", "\0"])
            {
                data.Add(name, unit);
            }
        }

        return data;
    }

    /// <summary>Eight times the text takes far less than 64 times the time, whatever the machine.</summary>
    [Theory]
    [MemberData(nameof(Long))]
    public void TakesLinearTime(string name, string unit)
    {
        TextTokenizer tokenizer = Load(name);
        string small = string.Concat(Enumerable.Repeat(unit, 30_000));
        string large = string.Concat(Enumerable.Repeat(unit, 240_000));
        Time(small);

        // The least times: other work on the machine only adds to them. Below a few milliseconds the collector's work is most of it.
        double least = double.PositiveInfinity;
        double most = double.PositiveInfinity;
        for (int i = 0; i < 6 && (i < 1 || most > 30 * least); i++)
        {
            least = Math.Min(least, Math.Max(Time(small), 8));
            most = Math.Min(most, Time(large));
        }

        Assert.True(most < 40 * least, $"eight times the text took {most:F1} ms, and the text {least:F1} ms");

        double Time(string text)
        {
            long begin = Stopwatch.GetTimestamp();
            tokenizer.Encode(text);
            return Stopwatch.GetElapsedTime(begin).TotalMilliseconds;
        }
    }

    [Theory]
    [InlineData("(a+)+$")]
    [InlineData("(?:a|a)*b")]
    [InlineData("(?:.*.*.*)x")]
    public void ExpressionsThatTakeTooLongAreGivenUp(string expression)
    {
        JsonObject json = Json("nfc-qwen");
        json["pre_tokenizer"]!["pretokenizers"]![0]!["pattern"]!["Regex"] = expression;
        using var folder = new TemporaryFolder();
        folder.Write("tokenizer.json", json.ToJsonString());
        TextTokenizer tokenizer = TextTokenizer.Load(folder.Path);

        Assert.Contains(
            "takes too many steps", Assert.Throws<CheckpointException>(() => tokenizer.Encode(new string('a', 3000) + "c")).Message,
            StringComparison.Ordinal);
    }

    /// <summary>Whatever a file has in it, it is loaded or refused by name, and texts are encoded or refused.</summary>
    [Fact]
    public void DamagedFilesAreRefusedByName()
    {
        var random = new Random(11);
        int refused = 0;
        string[] names =
            ["digits-smollm", "longest-added", "nfc-qwen", "sentencepiece-llama2", "splits-deepseek", "byte-fallback", "metaspace"];
        string[] values =
            ["null", "-1", "1e308", "\"\"", "\"x\"", "[]", "{}", "true", "4294967296", "[[\"a\", 1]]", "\"\\ud800\"", "\"(\"",
                "{\"type\": \"Sequence\"}"];
        using var folder = new TemporaryFolder();
        for (int round = 0; round < 600; round++)
        {
            JsonObject json = Json(names[round % names.Length]);
            for (int i = random.Next(1, 3); i > 0; i--)
            {
                Damage(json, random, values);
            }

            byte[] file = Encoding.UTF8.GetBytes(json.ToJsonString());
            if (round % 5 == 0)
            {
                file[random.Next(file.Length)] ^= (byte)(1 << random.Next(8));
            }

            folder.Write("tokenizer.json", round % 7 == 0 ? file[..random.Next(file.Length)] : file);
            try
            {
                TextTokenizer tokenizer = TextTokenizer.Load(folder.Path);
                tokenizer.Decode(tokenizer.Encode("a\n\n b é 12 <x>"));
                tokenizer.Bytes(0);
            }
            catch (CheckpointException)
            {
                refused++;
            }
        }

        Assert.InRange(refused, 100, 599);
    }

    private static void Damage(JsonNode node, Random random, string[] values)
    {
        while (true)
        {
            JsonNode? child;
            if (node is JsonObject { Count: > 0 } map)
            {
                string key = map.ElementAt(random.Next(Math.Min(map.Count, 12))).Key;
                child = map[key];
                if (child is not (JsonObject { Count: > 0 } or JsonArray { Count: > 0 }) || random.Next(6) == 0)
                {
                    map[key] = JsonNode.Parse(values[random.Next(values.Length)].Replace("\\ud800", "\\u0000", StringComparison.Ordinal));
                    return;
                }
            }
            else if (node is JsonArray { Count: > 0 } list)
            {
                int index = random.Next(list.Count);
                child = list[index];
                if (child is not (JsonObject { Count: > 0 } or JsonArray { Count: > 0 }) || random.Next(6) == 0)
                {
                    list[index] = JsonNode.Parse(
                        values[random.Next(values.Length)].Replace("\\ud800", "\\u0000", StringComparison.Ordinal));
                    return;
                }
            }
            else
            {
                return;
            }

            node = child;
        }
    }

    [Fact]
    public void HalfCharactersInAFileAreRefused()
    {
        using var folder = new TemporaryFolder();
        folder.Write("tokenizer.json", """{"model": {"type": "BPE", "vocab": {"\ud800": 0}, "merges": []}}""");
        Assert.Throws<CheckpointException>(() => TextTokenizer.Load(folder.Path));
    }

    private static TextTokenizer Load(string name)
    {
        if (name == "stories-gqa")
        {
            return TextTokenizer.Load(TestData.Folder(name));
        }

        using var folder = new TemporaryFolder();
        folder.Write("tokenizer.json", Json(name).ToJsonString());
        return TextTokenizer.Load(folder.Path);
    }

    /// <summary>A stored file, or one of the two that differ from a stored one in their decoders.</summary>
    private static JsonObject Json(string name)
    {
        JsonObject json = JsonNode.Parse(File.ReadAllText(Path.Combine(
            TestData.Folder("tokenizers"), name is "metaspace" or "byte-fallback" ? "sentencepiece-llama2" : name,
            "tokenizer.json")))!.AsObject();
        if (name == "metaspace")
        {
            json["normalizer"] = null;
            json["pre_tokenizer"] = JsonNode.Parse(
                """{"type": "Metaspace", "replacement": "▁", "prepend_scheme": "first", "split": true}""");
            json["decoder"] = json["pre_tokenizer"]!.DeepClone();
        }
        else if (name == "byte-fallback")
        {
            json["decoder"] = JsonNode.Parse("""
                {"type": "Sequence", "decoders": [{"type": "Replace", "pattern": {"String": "▁"}, "content": " "}, {"type": "ByteFallback"},
                 {"type": "Fuse"}, {"type": "Strip", "content": " ", "start": 1, "stop": 0}]}
                """);
        }

        return json;
    }
}
