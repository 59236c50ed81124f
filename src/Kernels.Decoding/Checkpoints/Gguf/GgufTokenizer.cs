using System.Collections.Immutable;

namespace Kernels.Decoding;

/// <summary>Makes a tokenizer of what a GGUF file says. The only place where the two meet.</summary>
internal static class GgufTokenizer
{
    private const int UnknownToken = 2;
    private const int ControlToken = 3;
    private const int UserToken = 4;
    private const int ByteToken = 6;

    /// <summary>The tokenizer of a file: a <c>tokenizer.json</c> beside it, which says more, or else its metadata.</summary>
    /// <exception cref="CheckpointException">There is none, or its kind is not supported.</exception>
    public static TextTokenizer Load(string path)
    {
        string folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        if (File.Exists(Path.Combine(folder, TokenizerJson.FileName)))
        {
            return TextTokenizer.Load(folder);
        }

        using GgufFile file = GgufFile.Open(path);
        string kind = file.TokenizerModel
            ?? throw file.Wrong($"has no tokenizer: put the model's {TokenizerJson.FileName} beside the file");
        ImmutableArray<string> tokens = file.Tokens;
        ImmutableArray<int> types = file.TokenTypes;
        IEnumerable<int> OfType(int type) => Enumerable.Range(0, Math.Min(tokens.Length, types.Length)).Where(id => types[id] == type);
        TokenizerKind family = kind switch
        {
            "gpt2" => TokenizerKind.ByteLevelBpe,
            "llama" => TokenizerKind.SentencePieceBpe,
            "t5" => TokenizerKind.Unigram,
            _ =>
                throw file.Wrong(
                    $"has a tokenizer of the kind '{kind}', which is not read from GGUF: put the model's {TokenizerJson.FileName} beside "
                        + "the file"),
        };
        bool isBytes = family == TokenizerKind.ByteLevelBpe;
        string pre = file.PreTokenizer ?? "gpt-2";
        if (isBytes && PublishedPatterns.Find(pre) is null)
        {
            throw file.Wrong(
                $"splits text as '{pre}' does, which is not read from GGUF: put the model's {TokenizerJson.FileName} beside the file");
        }

        return TextTokenizer.FromVocabulary(new TokenizerVocabulary
        {
            Kind = family,
            Tokens = tokens,
            Merges = isBytes ? file.Merges : [],
            Scores = isBytes ? [] : file.Scores,
            PreTokenizer = pre,
            IgnoreMerges = pre is "llama-bpe" or "llama3" or "llama-v3",
            AddedTokens =
            [
                .. OfType(ControlToken).Where(id => tokens[id].Length > 0)
                    .Select(id => new AddedToken(tokens[id], id) { IsSpecial = true }),
                .. OfType(UserToken).Where(id => tokens[id].Length > 0).Select(id => new AddedToken(tokens[id], id)),
            ],
            BeginId = file.BosTokenId,
            EndId = file.EosTokenId,
            UnknownId = OfType(UnknownToken).Cast<int?>().FirstOrDefault(),

            // SentencePiece's models begin texts unless they say otherwise.
            AddsBegin = file.AddsBos ?? !isBytes,
            AddsSpacePrefix = file.AddsSpacePrefix ?? true,
            ByteFallback = OfType(ByteToken).Any(),
            Source = path,
        });
    }
}
