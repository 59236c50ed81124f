namespace Kernels.Decoding;

/// <summary>All tokens of a vocabulary by their bytes, laid out in the order of a walk that can leave whole branches out.</summary>
internal sealed class TokenTrie
{
    // Of each node: its last byte, its depth, where the walk goes on without its branch, and its tokens, a range of tokens.
    private readonly List<byte> bytes = [];
    private readonly List<ushort> depths = [];
    private readonly List<int> after = [];
    private readonly List<int> first = [];
    private readonly List<int> tokens = [];
    private readonly int deepest;

    /// <param name="tokenizer">The vocabulary. Special tokens, and ids without a token, are not in the trie.</param>
    public TokenTrie(TextTokenizer tokenizer)
    {
        Count = tokenizer.Count;
        (byte[] Bytes, int Id)[] all =
        [
            .. Enumerable.Range(0, tokenizer.Count).Where(id => !TokenText.IsSpecial(tokenizer, id))
                .Select(id => (TokenText.Bytes(tokenizer, id).ToArray(), id))
                .Where(token => token.Item1.Length is > 0 and < ushort.MaxValue),
        ];
        Array.Sort(all, (a, b) => a.Bytes.AsSpan().SequenceCompareTo(b.Bytes));
        var open = new Stack<int>();
        byte[] previous = [];
        foreach ((byte[] text, int id) in all)
        {
            int common = previous.AsSpan().CommonPrefixLength(text);
            while (open.Count > common)
            {
                after[open.Pop()] = bytes.Count;
            }

            for (int depth = common; depth < text.Length; depth++)
            {
                open.Push(bytes.Count);
                bytes.Add(text[depth]);
                depths.Add((ushort)depth);
                after.Add(0);
                first.Add(tokens.Count);
                deepest = Math.Max(deepest, depth + 1);
            }

            tokens.Add(id);
            previous = text;
        }

        while (open.Count > 0)
        {
            after[open.Pop()] = bytes.Count;
        }

        first.Add(tokens.Count);
    }

    /// <summary>One more than the greatest token id.</summary>
    public int Count { get; }

    /// <summary>The tokens that a machine can take in a state, bit t % 64 of word t / 64.</summary>
    public ulong[] Allowed(JsonMachine machine, int state)
    {
        var allowed = new ulong[(Count + 63) / 64];
        var states = new int[deepest + 1];
        states[0] = state;
        for (int node = 0; node < bytes.Count;)
        {
            int depth = depths[node];
            int next = machine.Next(states[depth], bytes[node]);
            if (next == JsonMachine.Dead)
            {
                node = after[node];
                continue;
            }

            states[depth + 1] = next;
            for (int i = first[node]; i < first[node + 1]; i++)
            {
                allowed[tokens[i] >> 6] |= 1UL << (tokens[i] & 63);
            }

            node++;
        }

        return allowed;
    }
}
