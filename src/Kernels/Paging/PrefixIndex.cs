using System.Runtime.InteropServices;

namespace Kernels;

/// <summary>
/// Finds full pages by what they hold: their own tokens after those of a parent page. Hashes only narrow the search; tokens and
/// parent are compared, and by induction the whole prefix, so that a collision never mixes up two sequences.
/// </summary>
internal sealed class PrefixIndex(PrefixHash hash)
{
    /// <summary>The parent of a sequence's first page.</summary>
    public const int Root = -1;

    private const int None = -1;

    // First page of each hash; pages of equal hash are linked.
    private readonly Dictionary<int, int> heads = [];
    private Entry[] entries = [];
    private long lastSerial;

    public bool Contains(int page) => SerialOf(page) != 0;

    /// <summary>Tells this registration of the page from every other one; 0 when it has none.</summary>
    public long SerialOf(int page) => page < entries.Length ? entries[page].Serial : 0;

    public bool IsChild(int page, int parent) =>
        Contains(page) && entries[page].Parent == parent && entries[page].ParentSerial == ParentSerialOf(parent);

    /// <summary>Whether the page is registered after a page that still is; if not, no search finds it.</summary>
    public bool HasParent(int page) => Contains(page) && IsChild(page, entries[page].Parent);

    /// <summary>Whether a search finds the page: it and all pages before it are registered.</summary>
    public bool IsReachable(int page)
    {
        while (page != Root && HasParent(page))
        {
            page = entries[page].Parent;
        }

        return page == Root;
    }

    /// <summary>
    /// The page that holds these tokens after the prefix of a registered parent, or of <see cref="Root"/>; −1 when there is none.
    /// </summary>
    public int Find(int parent, ReadOnlySpan<int> tokens)
    {
        int page = heads.GetValueOrDefault(HashOf(parent, tokens), None);
        while (page != None && !(IsChild(page, parent) && tokens.SequenceEqual(entries[page].Tokens)))
        {
            page = entries[page].NextOfHash;
        }

        return page;
    }

    /// <summary>Registers a page that is not registered, under tokens that <see cref="Find"/> does not find.</summary>
    public void Add(int page, int parent, ReadOnlySpan<int> tokens)
    {
        if (page >= entries.Length)
        {
            Array.Resize(ref entries, (int)Math.Min(Array.MaxLength, Math.Max(page + 1L, 2L * entries.Length)));
        }

        int key = HashOf(parent, tokens);
        ref Entry entry = ref entries[page];
        entry.Tokens ??= new int[tokens.Length];
        ref int head = ref CollectionsMarshal.GetValueRefOrAddDefault(heads, key, out bool exists);
        tokens.CopyTo(entry.Tokens);
        entry.Serial = ++lastSerial;
        entry.Parent = parent;
        entry.ParentSerial = ParentSerialOf(parent);
        entry.Hash = key;
        entry.NextOfHash = exists ? head : None;
        head = page;
    }

    /// <summary>Forgets a registered page. Pages registered after it can no longer be found.</summary>
    public void Remove(int page)
    {
        ref Entry entry = ref entries[page];
        entry.Serial = 0;
        int previous = heads[entry.Hash];
        if (previous != page)
        {
            while (entries[previous].NextOfHash != page)
            {
                previous = entries[previous].NextOfHash;
            }

            entries[previous].NextOfHash = entry.NextOfHash;
        }
        else if (entry.NextOfHash != None)
        {
            heads[entry.Hash] = entry.NextOfHash;
        }
        else
        {
            heads.Remove(entry.Hash);
        }
    }

    /// <summary>The hash for general use. It differs from process to process, so that nobody can prepare collisions.</summary>
    public static int DefaultHash(int parentHash, ReadOnlySpan<int> tokens)
    {
        HashCode code = default;
        code.Add(parentHash);
        code.AddBytes(MemoryMarshal.AsBytes(tokens));
        return code.ToHashCode();
    }

    private long ParentSerialOf(int parent) => parent == Root ? Root : SerialOf(parent);

    private int HashOf(int parent, ReadOnlySpan<int> tokens) => hash(parent == Root ? 0 : entries[parent].Hash, tokens);

    private struct Entry
    {
        public long Serial;
        public long ParentSerial;
        public int Parent;
        public int Hash;
        public int NextOfHash;
        public int[]? Tokens;
    }
}
