using System.Collections.Immutable;
using System.Text.RegularExpressions;

namespace Kernels.Decoding;

/// <summary>Makes a tokenizer of what a GGUF file says. The only place where the two meet.</summary>
internal static partial class GgufTokenizer
{
    private const int ControlToken = 3;
    private const int UserToken = 4;

    /// <summary>The tokenizer of a file: a <c>tokenizer.json</c> beside it, which says more, or else its metadata.</summary>
    /// <exception cref="CheckpointException">There is none, or its kind is not supported.</exception>
    public static TextTokenizer Load(string path)
    {
        string beside = Path.Combine(Path.GetDirectoryName(Path.GetFullPath(path))!, TokenizerModel.FileName);
        if (File.Exists(beside))
        {
            return new TextTokenizer(beside, TokenizerModel.ReadJson(beside));
        }

        using GgufFile file = GgufFile.Open(path);
        if (file.TokenizerModel != "gpt2")
        {
            throw file.Wrong(file.TokenizerModel is { } kind
                ? $"has a tokenizer of the kind '{kind}', which is not read from GGUF: put the model's {TokenizerModel.FileName} beside the file"
                : $"has no tokenizer: put the model's {TokenizerModel.FileName} beside the file");
        }

        Regex split = (file.PreTokenizer ?? "default") switch
        {
            "gpt-2" or "default" => Gpt2Words(),
            "llama-bpe" or "llama3" or "llama-v3" => Llama3Words(),
            "qwen2" => QwenWords(),
            var pre => throw file.Wrong($"splits text as '{pre}' does, which is not read from GGUF: put the model's {TokenizerModel.FileName} beside the file"),
        };
        ImmutableArray<string> tokens = file.Tokens;
        ImmutableArray<int> types = file.TokenTypes;
        var vocabulary = new Dictionary<string, int>(StringComparer.Ordinal);
        var added = new Dictionary<string, int>(StringComparer.Ordinal);
        for (int id = 0; id < tokens.Length; id++)
        {
            int type = id < types.Length ? types[id] : 1;
            vocabulary.TryAdd(tokens[id], id);
            if (type is ControlToken or UserToken && tokens[id].Length > 0)
            {
                added.TryAdd(tokens[id], id);
            }
        }

        List<string> merges = [.. file.Merges];
        return merges.Find(merge => merge.Count(c => c == ' ') != 1) is { } wrong
            ? throw file.Wrong($"has the merge '{wrong}', not two tokens with a space between")
            : new TextTokenizer(path, new TokenizerModel(vocabulary, merges, added, split, IgnoreMerges: file.PreTokenizer is "llama-bpe" or "llama3" or "llama-v3"));
    }

    // The words of GPT-2: a contraction's end; letters, digits or other symbols, each with one space before; white space.
    [GeneratedRegex(@"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+", RegexOptions.CultureInvariant)]
    private static partial Regex Gpt2Words();

    // Llama 3's: digits by up to three, letters with any symbol before them, line ends apart.
    [GeneratedRegex(@"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+", RegexOptions.CultureInvariant)]
    private static partial Regex Llama3Words();

    // Qwen's: the same with each digit by itself.
    [GeneratedRegex(@"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+", RegexOptions.CultureInvariant)]
    private static partial Regex QwenWords();
}
