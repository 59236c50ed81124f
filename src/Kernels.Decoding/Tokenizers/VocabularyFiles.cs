using System.Text;
using System.Text.Json;

namespace Kernels.Decoding;

/// <summary>Reads <c>vocab.json</c> with <c>merges.txt</c>, and what stands beside them.</summary>
internal static class VocabularyFiles
{
    public const string VocabularyName = "vocab.json";
    public const string MergesName = "merges.txt";
    private const string Gpt2End = "<|endoftext|>";

    /// <exception cref="CheckpointException">One of the files is not well-formed.</exception>
    public static TokenizerParts Read(string vocabularyPath, string mergesPath, TokenizerSettings settings)
    {
        using JsonDocument document = JsonFile.Open(vocabularyPath);
        Dictionary<string, int> vocabulary = TokenizerJson.ReadVocabulary(vocabularyPath, document.RootElement);
        string[] lines;
        try
        {
            lines = File.ReadAllLines(mergesPath);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CheckpointException(mergesPath, "cannot be opened: " + e.Message, e);
        }

        // The first line may name a version; a later one that begins so is a merge.
        List<(string, string)> pairs = [];
        foreach ((int number, string line) in lines.Index())
        {
            if (line.Length == 0 || (number == 0 && line.StartsWith("#version", StringComparison.Ordinal)))
            {
                continue;
            }

            string[] parts = line.Split(' ');
            pairs.Add(
                parts.Length == 2 ? (parts[0], parts[1]) : throw new CheckpointException(
                    mergesPath, $"has the line '{line}', not two tokens with a space between"));
        }

        bool isQwen = settings.Class is "Qwen2Tokenizer" or "Qwen2TokenizerFast";
        var model = new BpeModel(vocabulary, TokenizerJson.BuildMerges(mergesPath, vocabulary, pairs, pairs.Count), new BpeModel.Options());
        var split = new PreTokenizer.ByPattern(
            new TextPattern(PublishedPatterns.Find(isQwen ? "qwen2" : "gpt-2")![0]), SplitBehavior.Isolated, invert: false);
        return TokenizerJson.Complete(
            new TokenizerParts(vocabularyPath, model)
            {
                Normalizer = isQwen ? new TextNormalizer.Form(NormalizationForm.FormC) : null,
                PreTokenizer = settings.AddsPrefixSpace is true
                    ? new PreTokenizer.Bytes(addSpace: true, PublishedPatterns.Gpt2)
                    : new PreTokenizer.Sequence([split, new PreTokenizer.Bytes(addSpace: false, pattern: null)]),
                Decoders = [new PieceDecoder.ByteLevel()],
                AddedTokens = [.. AddedTokens(vocabulary, settings)],
            },
            settings);
    }

    /// <summary>Those that are listed, and the special tokens that the settings name and the vocabulary has.</summary>
    private static IEnumerable<AddedToken> AddedTokens(Dictionary<string, int> vocabulary, TokenizerSettings settings)
    {
        Dictionary<string, AddedToken> tokens = new(StringComparer.Ordinal);
        foreach (AddedToken token in settings.AddedTokens)
        {
            tokens.TryAdd(token.Content, vocabulary.TryGetValue(token.Content, out int known) ? token with { Id = known } : token);
        }

        foreach (string name in settings.SpecialTokens.Append(Gpt2End))
        {
            if (vocabulary.TryGetValue(name, out int id))
            {
                tokens.TryAdd(name, new AddedToken(name, id) { IsSpecial = true });
            }
        }

        tokens.Remove("");
        return tokens.Values;
    }
}
