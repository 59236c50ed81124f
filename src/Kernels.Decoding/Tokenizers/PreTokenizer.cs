using System.Text;

namespace Kernels.Decoding;

/// <summary>Splits a text into the words that tokens do not cross, as the <c>pre_tokenizer</c> of a tokenizer file says.</summary>
internal abstract class PreTokenizer
{
    /// <summary>A word in the making.</summary>
    /// <param name="Text">Its text, as rewritten so far.</param>
    /// <param name="IsFirst">Whether it begins where the text does.</param>
    internal readonly record struct Word(string Text, bool IsFirst);

    /// <summary>Splits one word further.</summary>
    public abstract void Split(Word word, List<Word> output);

    private static void AddPieces(Word word, List<(int Start, int End, bool IsMatch)> parts, SplitBehavior behavior, List<Word> output)
    {
        bool isFirst = word.IsFirst;
        foreach ((int start, int end) in TextSplit.Apply(parts, behavior))
        {
            output.Add(new Word(word.Text[start..end], isFirst && start == 0));
        }
    }

    internal sealed class Sequence(PreTokenizer[] parts) : PreTokenizer
    {
        public override void Split(Word word, List<Word> output)
        {
            var words = new List<Word> { word };
            foreach (PreTokenizer part in parts)
            {
                var next = new List<Word>(words.Count);
                foreach (Word current in words)
                {
                    part.Split(current, next);
                }

                words = next;
            }

            output.AddRange(words);
        }
    }

    internal sealed class ByPattern(TextPattern pattern, SplitBehavior behavior, bool invert) : PreTokenizer
    {
        public override void Split(Word word, List<Word> output) =>
            AddPieces(word, TextSplit.Cover(pattern.FindAll(word.Text), word.Text.Length, invert), behavior, output);
    }

    internal sealed class ByText(string pattern, SplitBehavior behavior, bool invert) : PreTokenizer
    {
        public override void Split(Word word, List<Word> output)
        {
            var matches = new List<(int, int)>();
            for (int at = 0; (at = word.Text.IndexOf(pattern, at, StringComparison.Ordinal)) >= 0; at += pattern.Length)
            {
                matches.Add((at, at + pattern.Length));
            }

            AddPieces(word, TextSplit.Cover(matches, word.Text.Length, invert), behavior, output);
        }
    }

    internal sealed class BySet(CodePointSet set, SplitBehavior behavior) : PreTokenizer
    {
        public override void Split(Word word, List<Word> output) => AddPieces(word, TextSplit.Cover(word.Text, set), behavior, output);
    }

    internal sealed class ByLength(int length) : PreTokenizer
    {
        public override void Split(Word word, List<Word> output)
        {
            int start = 0;
            int count = 0;
            int at = 0;
            foreach (Rune rune in word.Text.EnumerateRunes())
            {
                at += rune.Utf16SequenceLength;
                if (++count == length || at == word.Text.Length)
                {
                    output.Add(new Word(word.Text[start..at], word.IsFirst && start == 0));
                    (start, count) = (at, 0);
                }
            }
        }
    }

    /// <summary>Splits by a pattern, if there is one, and writes bytes as the printable characters of byte-level BPE.</summary>
    internal sealed class Bytes(bool addSpace, TextPattern? pattern) : PreTokenizer
    {
        public override void Split(Word word, List<Word> output)
        {
            string text = addSpace && !word.Text.StartsWith(' ') ? " " + word.Text : word.Text;
            if (pattern is null)
            {
                output.Add(word with { Text = ByteAlphabet.FromText(text) });
                return;
            }

            foreach ((int start, int end, _) in TextSplit.Cover(pattern.FindAll(text), text.Length))
            {
                if (end > start)
                {
                    output.Add(new Word(ByteAlphabet.FromText(text.AsSpan(start, end - start)), word.IsFirst && start == 0));
                }
            }
        }
    }

    /// <summary>Spaces become a visible character, with one in front where the scheme says so; words begin with it.</summary>
    internal sealed class Metaspace(string replacement, bool prepend, bool firstOnly, bool split) : PreTokenizer
    {
        public override void Split(Word word, List<Word> output)
        {
            string text = word.Text.Replace(" ", replacement, StringComparison.Ordinal);
            if (prepend && (word.IsFirst || !firstOnly) && !text.StartsWith(replacement, StringComparison.Ordinal))
            {
                text = replacement + text;
            }

            if (split)
            {
                new ByText(replacement, SplitBehavior.MergedWithNext, invert: false).Split(word with { Text = text }, output);
            }
            else
            {
                output.Add(word with { Text = text });
            }
        }
    }
}
