namespace Kernels.Decoding;

/// <summary>A mapping, in the order in which its keys came.</summary>
internal sealed class JinjaDictionary
{
    private readonly OrderedDictionary<JinjaKey, object?> entries = [];

    public int Count => entries.Count;

    public IEnumerable<object?> Keys => entries.Keys.Select(key => key.Value);

    public IEnumerable<object?> Values => entries.Values;

    public IEnumerable<KeyValuePair<object?, object?>> Entries =>
        entries.Select(entry => KeyValuePair.Create(entry.Key.Value, entry.Value));

    public object? this[string key]
    {
        set => entries[new JinjaKey(key)] = value;
    }

    public bool TryGet(string key, out object? value) => entries.TryGetValue(new JinjaKey(key), out value);

    public bool TryGet(JinjaRun run, object? key, out object? value) => entries.TryGetValue(Key(run, key), out value);

    public void Set(JinjaRun run, object? key, object? value) => entries[Key(run, key)] = value;

    public bool Remove(JinjaRun run, object? key) => entries.Remove(Key(run, key));

    public void Clear() => entries.Clear();

    private static JinjaKey Key(JinjaRun run, object? key) =>
        JinjaKey.IsAllowed(run, key, 0) ? new JinjaKey(key) : throw run.Fail($"a {JinjaValue.TypeName(key)} cannot be a key");
}
