namespace Kernels.Decoding;

/// <summary>How published families of byte-level tokenizers split text, by the names that model files have for it.</summary>
internal static class PublishedPatterns
{
    private const string Gpt2Words = @"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";
    private const string Endings = @"(?i:'s|'t|'re|'ve|'m|'ll|'d)";
    private const string Spaces = @"\s*[\r\n]+|\s+(?!\S)|\s+";
    private const string Llama3Words = Endings + @"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|" + Spaces;
    private const string Qwen2Words = Endings + @"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|" + Spaces;
    private const string Upper = @"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]";
    private const string Lower = @"[\p{Ll}\p{Lm}\p{Lo}\p{M}]";
    private const string Lead = @"[^\r\n\p{L}\p{N}]?";
    private const string Gpt4oWords = Lead + Upper + "*" + Lower + "+" + Endings + "?|" + Lead + Upper + "+" + Lower + "*" + Endings
        + @"?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|" + Spaces;
    private const string TekkenWords = Lead + Upper + "*" + Lower + "+|" + Lead + Upper + "+" + Lower
        + @"*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|" + Spaces;
    private const string Cjk = "[一-龥ࠀ-一가-\uD7FF]+";

    /// <summary>
    /// The words of GPT-2: a contraction's end; letters, digits or other symbols, each with one space before; white space.
    /// </summary>
    public static TextPattern Gpt2 { get; } = new(Gpt2Words);

    /// <summary>The expressions that split text one after the other; null for a name that is not known.</summary>
    public static string[]? Find(string name) => name switch
    {
        "gpt-2" or "gpt2" or "default" or "mpt" or "olmo" or "jais" or "trillion" or "phi-2" => [Gpt2Words],
        "llama-bpe" or "llama3" or "llama-v3" or "falcon3" or "dbrx" or "smaug-bpe" or "chatglm-bpe" or "glm4" or "lfm2" => [Llama3Words],
        "qwen2" or "stablelm2" or "hunyuan" or "deepseek-r1-qwen" or "megrez" => [Qwen2Words],
        "starcoder" or "refact" or "command-r" or "smollm" or "codeshell" or "exaone" or "minerva-7b" => [@"\p{N}", Gpt2Words],
        "deepseek-llm" => ["[\r\n]", @"\s?[\p{Lu}\p{Ll}\p{Lt}]+", @"\s?[!-/:-~！-／：-～‘-‟　-。]+", @"\s+$", Cjk, @"\p{N}"],
        "deepseek-coder" => ["[\r\n]", @"\s?\p{L}+", @"\s?\p{P}+", Cjk, @"\p{N}"],
        "deepseek" or "deepseek-v3" or "deepseek3" or "hunyuan-dense" =>
        [
            @"\p{N}{1,3}", "[一-龥぀-ゟ゠-ヿ]+",
            @"[!""#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|" + Spaces,
        ],
        "falcon" => [@"[\p{P}\$\+<=>\^~\|`]+", Gpt2Words, "[0-9][0-9][0-9]"],
        "gpt-4o" or "llama4" or "gpt-oss" or "o200k" => [Gpt4oWords],
        "tekken" or "pixtral" => [TekkenWords],
        "bloom" or "poro-chat" or "gpt3-finnish" => [@" ?[^(\s|.,!?…。，、।۔،)]+"],
        "viking" => [@" ?[^(\s|.,!?…。，、।۔،)]+", @"\p{N}"],
        "seed-coder" => [Endings + @"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}\r\n]+|" + Spaces],
        _ => null,
    };
}
