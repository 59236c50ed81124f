using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;

namespace Kernels.Decoding;

/// <summary>
/// What <c>tokenizer_config.json</c>, <c>special_tokens_map.json</c> and <c>added_tokens.json</c> say beside a tokenizer.
/// </summary>
internal sealed record TokenizerSettings
{
    private const string ConfigName = "tokenizer_config.json";
    private const string MapName = "special_tokens_map.json";
    private const string AddedName = "added_tokens.json";
    private static readonly string[] NamedTokens =
        ["bos_token", "eos_token", "unk_token", "pad_token", "sep_token", "cls_token", "mask_token"];

    public string? Class { get; init; }

    public string? BeginToken { get; init; }

    public string? EndToken { get; init; }

    public bool? AddsBegin { get; init; }

    public bool? AddsEnd { get; init; }

    public bool? AddsPrefixSpace { get; init; }

    /// <summary>The contents of all special tokens that have a name.</summary>
    public ImmutableArray<string> SpecialTokens { get; init; } = [];

    /// <summary>The tokens that are listed with their ids.</summary>
    public ImmutableArray<AddedToken> AddedTokens { get; init; } = [];

    /// <exception cref="CheckpointException">One of the files is there and not well-formed.</exception>
    public static TokenizerSettings Load(string folder)
    {
        var settings = new TokenizerSettings();
        var named = new Dictionary<string, string>(StringComparer.Ordinal);
        var special = new List<string>();
        var added = new List<AddedToken>();
        string path = Path.Combine(folder, MapName);
        if (File.Exists(path))
        {
            using JsonDocument map = JsonFile.Open(path);
            ReadNames(path, map.RootElement, named, special);
        }

        path = Path.Combine(folder, ConfigName);
        if (File.Exists(path))
        {
            using JsonDocument document = JsonFile.Open(path);
            ReadNames(path, document.RootElement, named, special);
            var config = new ConfigReader(path, document.RootElement);
            settings = settings with
            {
                Class = config.OptionalText("tokenizer_class"),
                AddsBegin = config.Has("add_bos_token") ? config.Flag("add_bos_token", false) : null,
                AddsEnd = config.Has("add_eos_token") ? config.Flag("add_eos_token", false) : null,
                AddsPrefixSpace = config.Has("add_prefix_space") ? config.Flag("add_prefix_space", false) : null,
            };
            ReadDecoderTokens(path, document.RootElement, added);
        }

        path = Path.Combine(folder, AddedName);
        if (File.Exists(path))
        {
            using JsonDocument document = JsonFile.Open(path);
            ReadAddedFile(path, document.RootElement, special, added);
        }

        return settings with
        {
            BeginToken = named.GetValueOrDefault("bos_token"),
            EndToken = named.GetValueOrDefault("eos_token"),
            SpecialTokens = [.. named.Values.Concat(special).Where(token => token.Length > 0).Distinct(StringComparer.Ordinal)],
            AddedTokens = [.. added],
        };
    }

    private static void ReadNames(string path, JsonElement root, Dictionary<string, string> named, List<string> special)
    {
        _ = new ConfigReader(path, root);
        foreach (string key in NamedTokens)
        {
            // The configuration itself counts, null too.
            if (root.TryGetProperty(key, out JsonElement value))
            {
                named.Remove(key);
                if (ContentOf(value) is { } content)
                {
                    named[key] = content;
                }
            }
        }

        if (root.TryGetProperty("additional_special_tokens", out JsonElement list) && list.ValueKind == JsonValueKind.Array)
        {
            special.AddRange(list.EnumerateArray().Select(ContentOf).OfType<string>());
        }
    }

    /// <summary>A name alone, or an object that has it as its content.</summary>
    private static string? ContentOf(JsonElement token) =>
        token.ValueKind == JsonValueKind.Object && token.TryGetProperty("content", out JsonElement content) ? ContentOf(content)
        : token.ValueKind == JsonValueKind.String ? token.GetString() : null;

    private static void ReadDecoderTokens(string path, JsonElement root, List<AddedToken> added)
    {
        if (!root.TryGetProperty("added_tokens_decoder", out JsonElement tokens) || tokens.ValueKind != JsonValueKind.Object)
        {
            return;
        }

        foreach (JsonProperty token in tokens.EnumerateObject())
        {
            int id = int.TryParse(token.Name, NumberStyles.None, CultureInfo.InvariantCulture, out int number)
                && number < TokenizerJson.MaxId
                ? number
                : throw new CheckpointException(path, $"'added_tokens_decoder' has the key '{token.Name}', not a token id");
            added.Add(TokenizerJson.ReadAddedToken(new ConfigReader(path, token.Value), id));
        }
    }

    private static void ReadAddedFile(string path, JsonElement root, List<string> special, List<AddedToken> added)
    {
        _ = new ConfigReader(path, root);
        foreach (JsonProperty token in root.EnumerateObject())
        {
            int id = TokenizerJson.ReadId(path, token.Name, token.Value);
            if (token.Name.Length > 0 && !added.Exists(other => other.Content == token.Name))
            {
                bool isSpecial = special.Contains(token.Name);
                added.Add(new AddedToken(token.Name, id) { IsSpecial = isSpecial, IsNormalized = !isSpecial });
            }
        }
    }
}
