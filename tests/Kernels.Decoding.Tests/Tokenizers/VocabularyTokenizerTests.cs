using System.Buffers.Binary;
using System.Text;
using System.Text.Json.Nodes;
using Xunit;

namespace Kernels.Decoding.Tests;

/// <summary>Tokenizers that come from parts, or from a SentencePiece model.</summary>
public sealed class VocabularyTokenizerTests
{
    private const string Bar = "\u2581";

    // The unknown token, two control tokens, the bytes, then tokens in the order in which a trainer makes them.
    private static readonly string[] Words = [Bar, "a", "b", "c", Bar + "a", "ab", "bc", "abc", Bar + "ab", "<user>"];
    private static readonly string[] Pieces =
        ["<unk>", "<s>", "</s>", .. Enumerable.Range(0, 256).Select(value => $"<0x{value:X2}>"), .. Words];

    private static readonly AddedToken[] Added =
    [
        new("<unk>", 0) { IsSpecial = true }, new("<s>", 1) { IsSpecial = true }, new("</s>", 2) { IsSpecial = true }, new("<user>", 268),
    ];

    private static float[] Scores => [.. Enumerable.Range(0, Pieces.Length).Select(id => id < 259 ? 0f : 258f - id)];

    [Fact]
    public void ByteLevelPartsGiveTheIdsOfTheFile()
    {
        string folder = TestData.Folder("stories-gqa");
        JsonObject vocabulary = JsonNode.Parse(File.ReadAllText(Path.Combine(folder, "vocab.json")))!.AsObject();
        TextTokenizer expected = TextTokenizer.Load(folder);
        TextTokenizer tokenizer = TextTokenizer.FromVocabulary(new TokenizerVocabulary
        {
            Kind = TokenizerKind.ByteLevelBpe,
            Tokens = [.. vocabulary.OrderBy(token => (int)token.Value!).Select(token => token.Key)],
            Merges = [.. File.ReadLines(Path.Combine(folder, "merges.txt")).Skip(1)],
            AddedTokens = [new AddedToken("<|endoftext|>", 0) { IsSpecial = true }],
            BeginId = 0,
            EndId = 0,
            AddsBegin = true,
        });

        foreach (string text in (string[])["", "One morning Ruth went home.", "it's  42 naïve 🙂\n\n<|endoftext|>x"])
        {
            Assert.Equal(expected.Encode(text), tokenizer.Encode(text));
            Assert.Equal([0, .. expected.Encode(text)], tokenizer.EncodePrompt(text).ToArray());
            Assert.Equal(expected.Decode(expected.Encode(text)), tokenizer.Decode(expected.Encode(text)));
        }
    }

    [Theory]
    [InlineData("gpt-2", "Ġ1234")]
    [InlineData("llama-bpe", "Ġ|123|4")]
    [InlineData("qwen2", "Ġ|1|2|3|4")]
    [InlineData("smollm", "Ġ|1|2|3|4")]
    [InlineData("starcoder", "Ġ|1|2|3|4")]
    [InlineData("deepseek-llm", "Ġ|1|2|3|4")]
    [InlineData("deepseek-coder", "Ġ|1|2|3|4")]
    [InlineData("deepseek-v3", "Ġ|123|4")]
    [InlineData("falcon", "Ġ|123|4")]
    [InlineData("gpt-4o", "Ġ|123|4")]
    [InlineData("tekken", "Ġ|1|2|3|4")]
    [InlineData("bloom", "Ġ1234")]
    [InlineData("viking", "Ġ|1|2|3|4")]
    public void SplitsDigitsAsTheFamilyDoes(string name, string parts)
    {
        // Merges would make one token of all: tokens end where words do.
        TextTokenizer tokenizer = TextTokenizer.FromVocabulary(new TokenizerVocabulary
        {
            Kind = TokenizerKind.ByteLevelBpe,
            Tokens = ["1", "2", "3", "4", "Ġ", "12", "123", "1234", "Ġ1234"],
            Merges = ["1 2", "12 3", "123 4", "Ġ 1234"],
            PreTokenizer = name,
        });

        Assert.Equal(parts, string.Join('|', tokenizer.Encode(" 1234").Select(tokenizer.Token)));
    }

    [Fact]
    public void SentencePieceMergesByScore()
    {
        TextTokenizer tokenizer = TextTokenizer.FromVocabulary(Parts(TokenizerKind.SentencePieceBpe));

        // "▁a" was made first, so it is merged before "ab" and "bc"; then "bc" before "▁ab".
        Assert.Equal([263, 265], tokenizer.Encode("abc"));
        Assert.Equal([263, 265, 268, 263, 262], tokenizer.Encode("abc<user>ac"));
        Assert.Equal([1, 263, 265], tokenizer.EncodePrompt("abc").ToArray());
        Assert.Equal([259, .. "é"u8.ToArray().Select(value => value + 3)], tokenizer.Encode("é"));
        Assert.Equal("abc é", tokenizer.Decode(tokenizer.EncodePrompt("abc é").AsSpan()));
    }

    [Fact]
    public void UnigramTakesTheGreatestSum()
    {
        TextTokenizer tokenizer = TextTokenizer.FromVocabulary(Parts(TokenizerKind.Unigram));

        // −1 − 8 for "▁" and "abc" beats −5 − 7 for "▁a" and "bc".
        Assert.Equal([259, 266], tokenizer.Encode("abc"));
        Assert.Equal([1, 259, 266], tokenizer.EncodePrompt("abc").ToArray());
    }

    [Theory]
    [InlineData(1ul, new[] { 1, 259, 266 })]
    [InlineData(2ul, new[] { 1, 263, 265 })]
    public void ReadsASentencePieceModel(ulong kind, int[] prompt)
    {
        using var folder = new TemporaryFolder();
        folder.Write("tokenizer.model", Model(kind));
        TextTokenizer tokenizer = TextTokenizer.Load(folder.Path);

        Assert.Equal(prompt, tokenizer.EncodePrompt("abc").ToArray());
        Assert.Equal("abc é", tokenizer.Decode(tokenizer.EncodePrompt("abc é").AsSpan()));
        Assert.Equal((1, 2), (tokenizer.BeginId, tokenizer.EndId));
        Assert.Equal([0, 1, 2], tokenizer.SpecialIds.ToArray());

        folder.Write("tokenizer_config.json", """{"add_bos_token": false, "add_eos_token": true, "eos_token": "</s>"}""");
        Assert.Equal([.. prompt[1..], 2], TextTokenizer.Load(folder.Path).EncodePrompt("abc").ToArray());
    }

    [Fact]
    public void DamagedModelsAreRefusedByName()
    {
        using var folder = new TemporaryFolder();
        byte[] model = Model(1);
        var random = new Random(5);
        int refused = 0;
        for (int round = 0; round < 400; round++)
        {
            byte[] damaged = [.. model[..(round % 3 == 0 ? random.Next(model.Length) : model.Length)]];
            for (int i = 0; i < 3 && damaged.Length > 0; i++)
            {
                damaged[random.Next(damaged.Length)] = (byte)random.Next(256);
            }

            folder.Write("tokenizer.model", damaged);
            try
            {
                TextTokenizer.Load(folder.Path).Encode("abc é");
            }
            catch (CheckpointException)
            {
                refused++;
            }
        }

        Assert.InRange(refused, 50, 399);
        folder.Write("tokenizer.model", Model(3));
        Assert.Contains(
            "of the type word", Assert.Throws<CheckpointException>(() => TextTokenizer.Load(folder.Path)).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void PartsThatDoNotFitAreRefused()
    {
        TokenizerVocabulary parts = Parts(TokenizerKind.Unigram);
        Refused(parts with { Scores = [1] }, "has 1 scores for 269 tokens");
        Refused(parts with { Scores = [.. Scores[..^1], float.NaN] }, "not finite");
        Refused(parts with { BeginId = 999 }, "begin token has the id 999");
        Refused(parts with { AddedTokens = [new AddedToken("x", -1)] }, "has the id -1");
        Refused(parts with { CharacterMap = new byte[] { 200, 0, 0, 0 } }, "cut off");
        Refused(parts with { Kind = TokenizerKind.ByteLevelBpe, PreTokenizer = "mine" }, "splits text as 'mine'");
        Refused(parts with { Kind = TokenizerKind.ByteLevelBpe, Merges = ["a z"] }, "do not fit");

        static void Refused(TokenizerVocabulary vocabulary, string message) =>
            Assert.Contains(
                message, Assert.Throws<CheckpointException>(() => TextTokenizer.FromVocabulary(vocabulary)).Message,
                StringComparison.Ordinal);
    }

    private static TokenizerVocabulary Parts(TokenizerKind kind) => new()
    {
        Kind = kind,
        Tokens = Pieces,
        Scores = Scores,
        AddedTokens = Added,
        BeginId = 1,
        EndId = 2,
        UnknownId = 0,
        AddsBegin = true,
        ByteFallback = true,
    };

    /// <summary>The same vocabulary as a file, with neither a map of characters nor the removal of spaces.</summary>
    private static byte[] Model(ulong kind)
    {
        var file = new List<byte>();
        for (int id = 0; id < Pieces.Length; id++)
        {
            byte[] score = new byte[4];
            BinaryPrimitives.WriteSingleLittleEndian(score, Scores[id]);
            int type = id == 0 ? 2 : id < 3 ? 3 : id < 259 ? 6 : Pieces[id] == "<user>" ? 4 : 1;
            Message(file, 1, [.. Bytes(1, Encoding.UTF8.GetBytes(Pieces[id])), 0x15, .. score, 0x18, (byte)type]);
        }

        Message(file, 2, [0x18, (byte)kind]);
        Message(file, 3, [0x18, 1, 0x20, 0]);
        return [.. file];

        static byte[] Bytes(int field, byte[] content) => [(byte)(field << 3 | 2), (byte)content.Length, .. content];
        static void Message(List<byte> output, int field, byte[] content) => output.AddRange(Bytes(field, content));
    }
}
