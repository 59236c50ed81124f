using System.Buffers;
using System.Runtime.InteropServices;

namespace Kernels.Decoding;

/// <summary>Byte-pair encoding: a word begins as single characters, and the pair that ranks first is merged until none is left.</summary>
internal sealed class BpeModel : TokenModel
{
    private readonly Dictionary<ulong, Merge> merges;
    private readonly Dictionary<string, int>.AlternateLookup<ReadOnlySpan<char>> lookup;
    private readonly int[] basic = new int[0x10000];
    private readonly Options options;
    private readonly int unknown;
    private readonly int[]? byteIds;

    /// <param name="vocabulary">Ids by token.</param>
    /// <param name="merges">By pair of ids; see <see cref="Pair"/>.</param>
    /// <param name="options">What the file says beside.</param>
    public BpeModel(Dictionary<string, int> vocabulary, Dictionary<ulong, Merge> merges, Options options)
        : base(vocabulary)
    {
        this.merges = merges;
        this.options = options;
        lookup = vocabulary.GetAlternateLookup<ReadOnlySpan<char>>();
        unknown = options.Unknown is { } token ? vocabulary.GetValueOrDefault(token, -1) : -1;
        byteIds = options.ByteFallback ? ByteIds(vocabulary) : null;
        Array.Fill(basic, -1);
        foreach ((string text, int id) in vocabulary)
        {
            if (text.Length == 1)
            {
                basic[text[0]] = id;
            }
        }
    }

    /// <param name="Rank">Lower ones are merged first.</param>
    /// <param name="Id">What the pair becomes.</param>
    internal readonly record struct Merge(int Rank, int Id);

    /// <param name="Unknown">The token for what has none.</param>
    /// <param name="FuseUnknown">Whether several unknown characters in a row are one token.</param>
    /// <param name="ByteFallback">Whether an unknown character becomes the tokens of its bytes.</param>
    /// <param name="IgnoreMerges">Whether a word that is itself a token is taken whole.</param>
    /// <param name="Prefix">What tokens that do not begin a word have before them.</param>
    /// <param name="Suffix">What tokens that end a word have after them.</param>
    internal sealed record Options(
        string? Unknown = null, bool FuseUnknown = false, bool ByteFallback = false, bool IgnoreMerges = false, string? Prefix = null,
        string? Suffix = null);

    /// <summary>An empty table of merges. Hashes are mixed, so that pairs of a file cannot be chosen to collide cheaply.</summary>
    public static Dictionary<ulong, Merge> NewMerges(int capacity) => new(capacity, new PairComparer());

    public static ulong Pair(int left, int right) => (ulong)(uint)left << 32 | (uint)right;

    public override void Encode(string word, List<int> ids)
    {
        if (options.IgnoreMerges && Vocabulary.TryGetValue(word, out int whole))
        {
            ids.Add(whole);
            return;
        }

        int begin = ids.Count;
        AddCharacters(word, ids);
        int count = ids.Count - begin;
        if (count < 2)
        {
            return;
        }

        Span<int> symbols = CollectionsMarshal.AsSpan(ids)[begin..];
        int left;
        if (count <= 32)
        {
            Span<int> links = stackalloc int[2 * count];
            Span<ulong> keys = stackalloc ulong[3 * count];
            Span<int> results = stackalloc int[3 * count];
            left = MergeAll(symbols, links, keys, results);
        }
        else
        {
            int[] links = ArrayPool<int>.Shared.Rent(5 * count);
            ulong[] keys = ArrayPool<ulong>.Shared.Rent(3 * count);
            left = MergeAll(symbols, links.AsSpan(0, 2 * count), keys, links.AsSpan(2 * count, 3 * count));
            ArrayPool<int>.Shared.Return(links);
            ArrayPool<ulong>.Shared.Return(keys);
        }

        CollectionsMarshal.SetCount(ids, begin + left);
    }

    private void AddCharacters(string word, List<int> ids)
    {
        bool pending = false;
        for (int at = 0; at < word.Length;)
        {
            int width = char.IsHighSurrogate(word[at]) && at + 1 < word.Length ? 2 : 1;
            bool isFirst = at == 0;
            bool isLast = at + width == word.Length;
            ReadOnlySpan<char> character = word.AsSpan(at, width);
            if ((options.Prefix is not null && !isFirst) || (options.Suffix is not null && isLast))
            {
                character = string.Concat(isFirst ? "" : options.Prefix, character, isLast ? options.Suffix : "");
            }

            at += width;
            int id = -1;
            if (character.Length == 1 ? (id = basic[character[0]]) >= 0 : lookup.TryGetValue(character, out id))
            {
                if (pending)
                {
                    ids.Add(unknown);
                    pending = false;
                }

                ids.Add(id);
                continue;
            }

            // An unknown character before bytes comes after them, as it does in the library whose ids these are.
            if ((byteIds is not null && TryAddBytes(character, byteIds, ids)) || options.Unknown is null)
            {
                continue;
            }

            if (unknown < 0)
            {
                throw Unknown(word);
            }

            if (pending && !options.FuseUnknown)
            {
                ids.Add(unknown);
            }

            pending = true;
        }

        if (pending)
        {
            ids.Add(unknown);
        }
    }

    /// <summary>Merges symbols in place; links and heap are scratch.</summary>
    /// <returns>How many symbols are left.</returns>
    private int MergeAll(Span<int> symbols, Span<int> links, Span<ulong> keys, Span<int> results)
    {
        int count = symbols.Length;
        Span<int> previous = links[..count];
        Span<int> next = links[count..];
        var heap = new Heap(keys, results);
        for (int i = 0; i < count; i++)
        {
            previous[i] = i - 1;
            next[i] = i + 1 < count ? i + 1 : -1;
            if (i + 1 < count)
            {
                Consider(ref heap, symbols, i, i + 1);
            }
        }

        while (heap.TryPop(out int at, out int id))
        {
            // A pair may have changed since it was put in line.
            int right = next[at];
            if (symbols[at] < 0 || right < 0 || !merges.TryGetValue(Pair(symbols[at], symbols[right]), out Merge merge) || merge.Id != id)
            {
                continue;
            }

            symbols[at] = id;
            symbols[right] = -1;
            next[at] = next[right];
            if (next[at] >= 0)
            {
                previous[next[at]] = at;
                Consider(ref heap, symbols, at, next[at]);
            }

            if (previous[at] >= 0)
            {
                Consider(ref heap, symbols, previous[at], at);
            }
        }

        int left = 0;
        foreach (int symbol in symbols)
        {
            if (symbol >= 0)
            {
                symbols[left++] = symbol;
            }
        }

        return left;
    }

    private void Consider(ref Heap heap, Span<int> symbols, int left, int right)
    {
        if (merges.TryGetValue(Pair(symbols[left], symbols[right]), out Merge merge))
        {
            heap.Push((ulong)(uint)merge.Rank << 32 | (uint)left, merge.Id);
        }
    }

    /// <summary>Pairs in line to be merged: by rank, then from left to right. Each merge adds two at most and ends one symbol.</summary>
    private ref struct Heap(Span<ulong> keys, Span<int> results)
    {
        private readonly Span<ulong> keys = keys;
        private readonly Span<int> results = results;
        private int count;

        public void Push(ulong key, int result)
        {
            int at = count++;
            while (at > 0 && keys[(at - 1) / 2] > key)
            {
                keys[at] = keys[(at - 1) / 2];
                results[at] = results[(at - 1) / 2];
                at = (at - 1) / 2;
            }

            keys[at] = key;
            results[at] = result;
        }

        public bool TryPop(out int at, out int result)
        {
            if (count == 0)
            {
                at = result = 0;
                return false;
            }

            at = (int)(uint)keys[0];
            result = results[0];
            ulong key = keys[--count];
            int last = results[count];
            int hole = 0;
            for (int child = 1; child < count; child = 2 * hole + 1)
            {
                child += child + 1 < count && keys[child + 1] < keys[child] ? 1 : 0;
                if (keys[child] >= key)
                {
                    break;
                }

                keys[hole] = keys[child];
                results[hole] = results[child];
                hole = child;
            }

            keys[hole] = key;
            results[hole] = last;
            return true;
        }
    }

    private sealed class PairComparer : IEqualityComparer<ulong>
    {
        private readonly ulong seed = (ulong)Random.Shared.NextInt64() | 1;

        public bool Equals(ulong x, ulong y) => x == y;

        public int GetHashCode(ulong pair) => (int)(Math.BigMul(pair ^ seed, 0x9E3779B97F4A7C15, out ulong low) ^ low);
    }
}
