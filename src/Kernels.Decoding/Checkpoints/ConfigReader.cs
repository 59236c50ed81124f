using System.Collections.Immutable;
using System.Text.Json;

namespace Kernels.Decoding;

/// <summary>Typed reading of one JSON object of a checkpoint's configuration; every error names the file, the key and the value.</summary>
/// <remarks>
/// A key that is missing has the value that <see cref="WithDefaults"/> gave it, if any; one whose value is <c>null</c> has none, as it is
/// with the library that writes these files.
/// </remarks>
internal sealed class ConfigReader
{
    private const int MaxLayers = 1000;

    private readonly JsonElement element;
    private readonly string prefix;
    private readonly JsonElement? defaults;

    /// <param name="path">The file, for messages.</param>
    /// <param name="element">The object.</param>
    /// <exception cref="CheckpointException"><paramref name="element"/> is not an object.</exception>
    public ConfigReader(string path, JsonElement element)
        : this(path, element, string.Empty)
    {
    }

    private ConfigReader(string path, JsonElement element, string prefix, JsonElement? defaults = null)
    {
        Path = path;
        this.element = element;
        this.prefix = prefix;
        this.defaults = defaults;
        if (element.ValueKind != JsonValueKind.Object)
        {
            throw new CheckpointException(path, prefix.Length == 0 ? "is not a JSON object" : $"'{prefix.TrimEnd('.')}' is not an object");
        }
    }

    /// <summary>The file.</summary>
    public string Path { get; }

    /// <summary>The same object, but keys that are missing have these values.</summary>
    /// <param name="json">A JSON object.</param>
    public ConfigReader WithDefaults(string json)
    {
        using JsonDocument document = JsonDocument.Parse(json);
        return new ConfigReader(Path, element, prefix, document.RootElement.Clone());
    }

    /// <summary>Whether the key has a value, be it a default.</summary>
    public bool Has(string key) => Find(key) is not null;

    /// <summary>Whether the key is there with the value null, where that means something else than a missing key.</summary>
    public bool IsNull(string key) => element.TryGetProperty(key, out JsonElement value) && value.ValueKind == JsonValueKind.Null;

    /// <summary>
    /// The first of these keys that is there and not null, or else that has a default; the first of all if none has, for the message that
    /// it is missing.
    /// </summary>
    /// <remarks>Some keys were renamed over the years, and files have either name.</remarks>
    public string AnyOf(params ReadOnlySpan<string> keys)
    {
        foreach (string key in keys)
        {
            if (element.TryGetProperty(key, out JsonElement value) && value.ValueKind != JsonValueKind.Null)
            {
                return key;
            }
        }

        foreach (string key in keys)
        {
            if (Has(key))
            {
                return key;
            }
        }

        return keys[0];
    }

    /// <summary>A count: an integer from 1.</summary>
    public int Count(string key) => OptionalCount(key) ?? throw Missing(key);

    /// <summary>A number of layers: a count that a model can have, so that a wrong one does not take all memory.</summary>
    public int LayerCount(string key) => Count(key) is <= MaxLayers and int layers
        ? layers : throw Unsupported(key, $"at most {MaxLayers}");

    /// <summary>A count, if the key is there.</summary>
    public int? OptionalCount(string key) => OptionalInteger(key, 1);

    /// <summary>An integer from <paramref name="minimum"/>, if the key is there.</summary>
    public int? OptionalInteger(string key, int minimum) =>
        Find(key) is not { } value ? null
        : value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out int number) && number >= minimum ? number
        : throw Wrong(key, $"an integer from {minimum}");

    /// <summary>A positive finite number.</summary>
    public double Positive(string key) => OptionalPositive(key) ?? throw Missing(key);

    /// <summary>A positive finite number, if the key is there.</summary>
    public double? OptionalPositive(string key) =>
        Find(key) is not { } value ? null
        : value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out double number) && number > 0 && double.IsFinite(number) ? number
        : throw Wrong(key, "a positive number");

    /// <summary>A truth value; <paramref name="otherwise"/> if the key is missing.</summary>
    public bool Flag(string key, bool otherwise) =>
        Find(key) is not { } value ? otherwise
        : value.ValueKind is JsonValueKind.True or JsonValueKind.False ? value.GetBoolean()
        : throw Wrong(key, "true or false");

    /// <summary>A string.</summary>
    public string Text(string key) => OptionalText(key) ?? throw Missing(key);

    /// <summary>A string, if the key is there.</summary>
    public string? OptionalText(string key) =>
        Find(key) is not { } value ? null
        : value.ValueKind == JsonValueKind.String ? value.GetString()
        : throw Wrong(key, "a string");

    /// <summary>A list of strings, if the key is there.</summary>
    public string[]? OptionalTexts(string key) =>
        Find(key) is not { } value ? null
        : value.ValueKind == JsonValueKind.Array && value.EnumerateArray().All(item => item.ValueKind == JsonValueKind.String)
            ? [.. value.EnumerateArray().Select(item => item.GetString()!)]
        : throw Wrong(key, "a list of strings");

    /// <summary>A list of integers, if the key is there.</summary>
    public int[]? OptionalIntegers(string key) => OptionalNumbers<int>(
        key, static item => item.TryGetInt32(out int number) ? number : null, "a list of integers");

    /// <summary>A list of positive finite numbers.</summary>
    public double[] Positives(string key) => OptionalNumbers<double>(
        key,
        static item => item.TryGetDouble(out double number) && number > 0 && double.IsFinite(number) ? number : null,
        "a list of positive numbers")
        ?? throw Missing(key);

    /// <summary>Token ids: one integer, or a list; empty if the key is missing.</summary>
    public ImmutableArray<int> TokenIds(string key)
    {
        if (Find(key) is not { } value)
        {
            return [];
        }

        ImmutableArray<int>.Builder ids = ImmutableArray.CreateBuilder<int>();
        foreach (JsonElement item in value.ValueKind == JsonValueKind.Array ? value.EnumerateArray().ToArray() : [value])
        {
            ids.Add(
                item.ValueKind == JsonValueKind.Number && item.TryGetInt32(out int id) && id >= 0
                    ? id : throw Wrong(key, "a token id or a list of them"));
        }

        return ids.ToImmutable();
    }

    /// <summary>A nested object.</summary>
    public ConfigReader Object(string key) => OptionalObject(key) ?? throw Missing(key);

    /// <summary>A nested object, if the key is there.</summary>
    public ConfigReader? OptionalObject(string key) => Find(key) is { } value ? new ConfigReader(Path, value, $"{prefix}{key}.") : null;

    /// <summary>The error for a value that is well-formed but that this program has no code for.</summary>
    /// <param name="key">The key; it must be there.</param>
    /// <param name="supported">What there is code for, in words.</param>
    public CheckpointException Unsupported(string key, string supported) =>
        new(Path, $"'{prefix}{key}' is {Raw(key)}, which is not supported; supported: {supported}");

    private T[]? OptionalNumbers<T>(string key, Func<JsonElement, T?> read, string expected) where T : struct
    {
        if (Find(key) is not { } value)
        {
            return null;
        }

        if (value.ValueKind != JsonValueKind.Array)
        {
            throw Wrong(key, expected);
        }

        return
        [
            .. value.EnumerateArray().Select(
                item => item.ValueKind == JsonValueKind.Number && read(item) is { } number ? number : throw Wrong(key, expected)),
        ];
    }

    private JsonElement? Find(string key) =>
        (element.TryGetProperty(key, out JsonElement value) || defaults?.TryGetProperty(key, out value) is true)
        && value.ValueKind != JsonValueKind.Null ? value : null;

    private CheckpointException Missing(string key) => new(Path, $"has no key '{prefix}{key}'");

    private CheckpointException Wrong(string key, string expected) => new(Path, $"'{prefix}{key}' is {Raw(key)}, not {expected}");

    private string Raw(string key)
    {
        string text = (Find(key)?.GetRawText() ?? "missing").ReplaceLineEndings(" ");
        return text.Length <= 80 ? text : text[..77] + "...";
    }
}
