using System.Runtime.CompilerServices;

namespace Kernels.Decoding;

/// <summary>
/// Holds a text to a <see cref="JsonGrammar"/>. What texts of the same grammar and tokenizer have found out is shared between them.
/// </summary>
public sealed class JsonTokenMask : ITokenMask
{
    private static readonly ConditionalWeakTable<TextTokenizer, Vocabulary> Vocabularies = [];

    private readonly TextTokenizer tokenizer;
    private readonly Shared shared;
    private int state;

    /// <param name="tokenizer">The model's tokenizer.</param>
    /// <param name="grammar">What the text is held to.</param>
    public JsonTokenMask(TextTokenizer tokenizer, JsonGrammar grammar)
    {
        ArgumentNullException.ThrowIfNull(tokenizer);
        ArgumentNullException.ThrowIfNull(grammar);
        this.tokenizer = tokenizer;
        shared = Vocabularies.GetValue(tokenizer, t => new Vocabulary(t)).Find(grammar);
        state = shared.Machine.Start;
    }

    /// <inheritdoc/>
    public ReadOnlySpan<ulong> Allowed
    {
        get
        {
            lock (shared)
            {
                return shared.Allowed(state);
            }
        }
    }

    /// <inheritdoc/>
    public bool MayEnd
    {
        get
        {
            lock (shared)
            {
                return shared.Machine.MayEnd(state);
            }
        }
    }

    /// <inheritdoc/>
    public bool MustEnd
    {
        get
        {
            lock (shared)
            {
                return shared.Machine.MustEnd(state);
            }
        }
    }

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">The token was not allowed.</exception>
    public void Accept(int token)
    {
        lock (shared)
        {
            int next = state;
            foreach (byte b in TokenText.Bytes(tokenizer, token))
            {
                next = next < 0 ? next : shared.Machine.Next(next, b);
            }

            state = next >= 0 ? next : throw new ArgumentException($"Token {token} cannot follow.", nameof(token));
        }
    }

    /// <summary>The tokens of a tokenizer, and the grammars that were used last.</summary>
    private sealed class Vocabulary(TextTokenizer tokenizer)
    {
        private const int MaxGrammars = 8;

        private readonly Lazy<TokenTrie> trie = new(() => new TokenTrie(tokenizer));
        private readonly List<(string Key, Shared Shared)> known = [];

        public Shared Find(JsonGrammar grammar)
        {
            lock (known)
            {
                int place = known.FindIndex(entry => entry.Key == grammar.Key && !entry.Shared.IsFull);
                Shared found = place >= 0 ? known[place].Shared : new Shared(trie.Value, grammar);
                if (place >= 0)
                {
                    known.RemoveAt(place);
                }

                known.RemoveAll(entry => entry.Key == grammar.Key);
                known.Add((grammar.Key, found));
                if (known.Count > MaxGrammars)
                {
                    known.RemoveAt(0);
                }

                return found;
            }
        }
    }

    /// <summary>The states of a grammar that were met, and the tokens that each allows.</summary>
    private sealed class Shared(TokenTrie trie, JsonGrammar grammar)
    {
        private const long MaxBytes = 32L << 20;

        private readonly Dictionary<int, ulong[]> masks = [];

        public JsonMachine Machine { get; } = new(grammar);

        /// <summary>Whether it is time to begin anew.</summary>
        public bool IsFull { get; private set; }

        public ulong[] Allowed(int state)
        {
            if (!masks.TryGetValue(state, out ulong[]? mask))
            {
                if ((masks.Count + 1L) * trie.Count / 8 > MaxBytes)
                {
                    masks.Clear();
                }

                try
                {
                    mask = trie.Allowed(Machine, state);
                }
                catch (JsonSchemaException)
                {
                    IsFull = true;
                    throw;
                }

                masks.Add(state, mask);
            }

            return mask;
        }
    }
}
