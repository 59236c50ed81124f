using System.Text;

namespace Kernels.Decoding;

/// <summary>Finds added tokens in a text: the leftmost, and of those the longest.</summary>
internal sealed class AddedTokenMatcher
{
    private readonly Dictionary<ulong, int> children = [];
    private readonly List<AddedToken?> tokenOf = [null];

    /// <param name="tokens">The tokens, each with the text to look for, which is not empty. Of equal texts the last counts.</param>
    public AddedTokenMatcher(IEnumerable<(string Text, AddedToken Token)> tokens)
    {
        foreach ((string text, AddedToken token) in tokens)
        {
            int node = 0;
            foreach (char unit in text)
            {
                ulong key = Key(node, unit);
                if (!children.TryGetValue(key, out int child))
                {
                    child = tokenOf.Count;
                    tokenOf.Add(null);
                    children.Add(key, child);
                }

                node = child;
            }

            tokenOf[node] = token;
        }
    }

    /// <summary>The parts of a text in order: a token, or text between tokens with none. Empty parts are left out.</summary>
    public List<(int Start, int End, AddedToken? Token)> Split(string text)
    {
        var parts = new List<(int, int, AddedToken?)>();
        int done = 0;
        for (int at = 0; tokenOf.Count > 1 && at < text.Length;)
        {
            if (Find(text, at) is not var (length, token))
            {
                at++;
                continue;
            }

            int start = at;
            int end = at + length;
            at = end;
            if (token.IsSingleWord && (TouchesBefore(text, start) || TouchesAfter(text, end)))
            {
                continue;
            }

            while (token.StripsLeft && start > done && char.IsWhiteSpace(text[start - 1]))
            {
                start--;
            }

            while (token.StripsRight && end < text.Length && char.IsWhiteSpace(text[end]))
            {
                end++;
            }

            if (start > done)
            {
                parts.Add((done, start, null));
            }

            parts.Add((start, end, token));
            // White space that one token took may hold the next: that one counts all the same.
            done = Math.Max(done, end);
        }

        if (done < text.Length)
        {
            parts.Add((done, text.Length, null));
        }

        return parts;
    }

    private static ulong Key(int node, char unit) => (ulong)(uint)node << 16 | unit;

    // The joiners of the basic plane count as well here.
    private static bool IsPartOfWord(Rune rune) => rune.Value is 0x200C or 0x200D || CodePointSet.WordCharacters.Contains(rune.Value);

    private static bool TouchesBefore(string text, int start) =>
        Rune.DecodeLastFromUtf16(text.AsSpan(0, start), out Rune rune, out _) == System.Buffers.OperationStatus.Done && IsPartOfWord(rune);

    private static bool TouchesAfter(string text, int end) =>
        Rune.DecodeFromUtf16(text.AsSpan(end), out Rune rune, out _) == System.Buffers.OperationStatus.Done && IsPartOfWord(rune);

    private (int Length, AddedToken Token)? Find(string text, int start)
    {
        (int, AddedToken)? found = null;
        int node = 0;
        for (int at = start; at < text.Length && children.TryGetValue(Key(node, text[at]), out node);)
        {
            at++;
            if (tokenOf[node] is { } token)
            {
                found = (at - start, token);
            }
        }

        return found;
    }
}
