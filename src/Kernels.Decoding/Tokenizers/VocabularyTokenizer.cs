using System.Collections.Immutable;
using System.Text;

namespace Kernels.Decoding;

/// <summary>Puts tokenizers together from vocabularies.</summary>
internal static class VocabularyTokenizer
{
    private const string VisibleSpace = "\u2581";

    // Longer tokens have no pairs: of published vocabularies none is half as long.
    private const int MaxMergedLength = 512;

    /// <exception cref="CheckpointException">The parts do not fit.</exception>
    public static TokenizerParts Build(TokenizerVocabulary vocabulary)
    {
        string source = vocabulary.Source;
        if (vocabulary.Tokens.Count > TokenizerJson.MaxId)
        {
            throw new CheckpointException(source, $"has {vocabulary.Tokens.Count} tokens; up to {TokenizerJson.MaxId} are supported");
        }

        var ids = new Dictionary<string, int>(vocabulary.Tokens.Count, StringComparer.Ordinal);
        for (int id = 0; id < vocabulary.Tokens.Count; id++)
        {
            ids[vocabulary.Tokens[id]] = id;
        }

        TokenizerParts parts = vocabulary.Kind switch
        {
            TokenizerKind.ByteLevelBpe => ByteLevel(vocabulary, ids),
            TokenizerKind.SentencePieceBpe or TokenizerKind.Unigram => SentencePiece(vocabulary, ids),
            _ => throw new ArgumentOutOfRangeException(nameof(vocabulary), vocabulary.Kind, "No such kind of tokenizer."),
        };
        return parts with
        {
            AddedTokens = [.. vocabulary.AddedTokens.Where(token => token.Content.Length > 0)],
            BeginId = Check(vocabulary.BeginId, "begin"),
            EndId = Check(vocabulary.EndId, "end"),
            Before = vocabulary is { AddsBegin: true, BeginId: { } begin } ? [begin] : [],
            After = vocabulary is { AddsEnd: true, EndId: { } end } ? [end] : [],
        };

        int? Check(int? id, string name) => id is null || ((uint)id < (uint)vocabulary.Tokens.Count)
            || vocabulary.AddedTokens.Any(token => token.Id == id)
            ? id
            : throw new CheckpointException(source, $"its {name} token has the id {id}, and there are {vocabulary.Tokens.Count} tokens");
    }

    private static TokenizerParts ByteLevel(TokenizerVocabulary vocabulary, Dictionary<string, int> ids)
    {
        string[] expressions = PublishedPatterns.Find(vocabulary.PreTokenizer)
            ?? throw new CheckpointException(vocabulary.Source, $"splits text as '{vocabulary.PreTokenizer}', which is not known");
        var pairs = vocabulary.Merges.Select(merge =>
        {
            int space = merge.IndexOf(' ', StringComparison.Ordinal);
            return space >= 0 && space == merge.LastIndexOf(' ')
                ? (merge[..space], merge[(space + 1)..])
                : throw new CheckpointException(vocabulary.Source, $"has the line '{merge}', not two tokens with a space between");
        });
        var merges = TokenizerJson.BuildMerges(vocabulary.Source, ids, pairs, vocabulary.Merges.Count);
        return new TokenizerParts(
            vocabulary.Source, new BpeModel(ids, merges, new BpeModel.Options(Unknown(vocabulary), IgnoreMerges: vocabulary.IgnoreMerges)))
        {
            Normalizer = vocabulary.PreTokenizer == "qwen2" ? new TextNormalizer.Form(NormalizationForm.FormC) : null,
            PreTokenizer = new PreTokenizer.Sequence(
            [
                .. expressions.Select(
                    expression => new PreTokenizer.ByPattern(new TextPattern(expression), SplitBehavior.Isolated, invert: false)),
                new PreTokenizer.Bytes(addSpace: false, pattern: null),
            ]),
            Decoders = [new PieceDecoder.ByteLevel()],
        };
    }

    private static TokenizerParts SentencePiece(TokenizerVocabulary vocabulary, Dictionary<string, int> ids)
    {
        if (vocabulary.Scores.Count != vocabulary.Tokens.Count)
        {
            throw new CheckpointException(vocabulary.Source, $"has {vocabulary.Scores.Count} scores for {vocabulary.Tokens.Count} tokens");
        }

        if (vocabulary.Scores.FirstOrDefault(score => !float.IsFinite(score)) is not 0)
        {
            throw new CheckpointException(vocabulary.Source, "has a token whose score is not finite");
        }

        // Control tokens are no text.
        HashSet<int> special = [.. vocabulary.AddedTokens.Where(token => token.IsSpecial).Select(token => token.Id)];
        TokenModel model = vocabulary.Kind == TokenizerKind.Unigram
            ? new UnigramModel(
                ids.Where(token => !special.Contains(token.Value)).ToDictionary(StringComparer.Ordinal),
                [.. vocabulary.Scores.Select(score => (double)score)], vocabulary.UnknownId ?? -1, vocabulary.ByteFallback)
            : new BpeModel(
                ids, MergesByScore(vocabulary, ids, special),
                new BpeModel.Options(Unknown(vocabulary), FuseUnknown: true, vocabulary.ByteFallback));
        var normalizers = new List<TextNormalizer>();
        if (!vocabulary.CharacterMap.IsEmpty)
        {
            normalizers.Add(new PrecompiledNormalizer(vocabulary.CharacterMap.Span));
        }

        if (vocabulary.RemovesExtraSpaces)
        {
            normalizers.Add(new TextNormalizer.ReplacePattern(new TextPattern(@"\A +| +\z| +(?= )"), ""));
        }

        if (vocabulary.AddsSpacePrefix)
        {
            normalizers.Add(new TextNormalizer.Prepend(VisibleSpace));
        }

        normalizers.Add(new TextNormalizer.ReplaceText(" ", VisibleSpace));
        var decoders = new List<PieceDecoder>
        {
            new PieceDecoder.Rewrite(token => token.Replace(VisibleSpace, " ", StringComparison.Ordinal)), new PieceDecoder.ByteFallback(),
                new PieceDecoder.Fuse(),
        };
        if (vocabulary.AddsSpacePrefix)
        {
            decoders.Add(new PieceDecoder.StripWhole(' ', start: 1, stop: 0));
        }

        return new TokenizerParts(vocabulary.Source, model)
        {
            Normalizer = new TextNormalizer.Sequence([.. normalizers]),
            Decoders = [.. decoders],
        };
    }

    private static string? Unknown(TokenizerVocabulary vocabulary) =>
        vocabulary.UnknownId is { } id && (uint)id < (uint)vocabulary.Tokens.Count ? vocabulary.Tokens[id] : null;

    /// <summary>Every way to put a token together from two, ranked by the token's score; equal scores by position in the text.</summary>
    private static Dictionary<ulong, BpeModel.Merge> MergesByScore(
        TokenizerVocabulary vocabulary, Dictionary<string, int> ids, HashSet<int> special)
    {
        float[] scores = [.. vocabulary.Scores.Distinct().OrderDescending()];
        Dictionary<float, int> ranks = scores.Index().ToDictionary(score => score.Item, score => score.Index);
        Dictionary<ulong, BpeModel.Merge> merges = BpeModel.NewMerges(ids.Count);
        Dictionary<string, int>.AlternateLookup<ReadOnlySpan<char>> lookup = ids.GetAlternateLookup<ReadOnlySpan<char>>();
        foreach ((string token, int id) in ids)
        {
            if (token.Length > MaxMergedLength || special.Contains(id))
            {
                continue;
            }

            for (int i = 1; i < token.Length; i++)
            {
                if (lookup.TryGetValue(token.AsSpan(0, i), out int left) && lookup.TryGetValue(token.AsSpan(i), out int right)
                    && !special.Contains(left) && !special.Contains(right))
                {
                    merges[BpeModel.Pair(left, right)] = new BpeModel.Merge(ranks[vocabulary.Scores[id]], id);
                }
            }
        }

        return merges;
    }
}
