using System.Globalization;
using System.Text;

namespace Kernels.Decoding;

/// <summary>
/// A step from tokens to text, as the <c>decoder</c> of a tokenizer file says. Tokens come one by one, and what is certain of the
/// text goes on to the next step at once.
/// </summary>
internal abstract class PieceDecoder
{
    /// <summary>Begins a text.</summary>
    /// <param name="next">Takes the pieces that come out.</param>
    public abstract Stream Begin(Stream? next);

    /// <summary>Whether pieces that come out are parts of one whole, no longer tokens.</summary>
    public virtual bool Fuses => false;

    /// <summary>What one token alone becomes.</summary>
    public virtual string TextOf(string token) => token;

    /// <summary>The bytes that one token alone stands for, if this step makes bytes of it.</summary>
    public virtual byte[]? BytesOf(string token) => null;

    /// <summary>The step for a text in the making.</summary>
    internal abstract class Stream(Stream? next)
    {
        public abstract void Push(string piece);

        public virtual void Flush() => next?.Flush();

        protected void Give(string piece) => next!.Push(piece);
    }

    /// <summary>The end of the steps: collects what came out.</summary>
    internal sealed class Sink : Stream
    {
        private readonly StringBuilder text = new();

        public Sink()
            : base(null)
        {
        }

        public override void Push(string piece) => text.Append(piece);

        public string Take()
        {
            string taken = text.ToString();
            text.Clear();
            return taken;
        }
    }

    /// <summary>The printable characters of byte-level BPE become bytes, and these text.</summary>
    internal sealed class ByteLevel : PieceDecoder
    {
        public override bool Fuses => true;

        public override byte[]? BytesOf(string token) => ByteAlphabet.ToBytes(token);

        public override Stream Begin(Stream? next) => new Run(next!);

        private sealed class Run(Stream next) : Stream(next)
        {
            private readonly System.Text.Decoder decoder = Encoding.UTF8.GetDecoder();

            public override void Push(string piece) => Convert(ByteAlphabet.ToBytes(piece), flush: false);

            public override void Flush()
            {
                Convert([], flush: true);
                base.Flush();
            }

            private void Convert(ReadOnlySpan<byte> bytes, bool flush)
            {
                var chars = new char[decoder.GetCharCount(bytes, flush)];
                decoder.GetChars(bytes, chars, flush);
                Give(new string(chars));
            }
        }
    }

    /// <summary>Tokens of single bytes become characters once their bytes are there; bytes of no character become U+FFFD, each.</summary>
    internal sealed class ByteFallback : PieceDecoder
    {
        public override byte[]? BytesOf(string token) => ByteOf(token) is { } value ? [value] : null;

        public override Stream Begin(Stream? next) => new Run(next!);

        private static byte? ByteOf(string token) =>
            token.Length == 6 && token.StartsWith("<0x", StringComparison.Ordinal) && token[5] == '>'
            && byte.TryParse(token.AsSpan(3, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out byte value)
                ? value
                : null;

        private sealed class Run(Stream next) : Stream(next)
        {
            private readonly byte[] held = new byte[4];
            private int count;

            public override void Push(string piece)
            {
                if (ByteOf(piece) is not { } value)
                {
                    GiveUp(count);
                    Give(piece);
                    return;
                }

                held[count++] = value;
                while (count > 0)
                {
                    switch (Rune.DecodeFromUtf8(held.AsSpan(0, count), out Rune rune, out int length))
                    {
                        case System.Buffers.OperationStatus.NeedMoreData:
                            return;
                        case System.Buffers.OperationStatus.Done:
                            Give(rune.ToString());
                            Drop(length);
                            break;
                        default:
                            GiveUp(length);
                            break;
                    }
                }
            }

            public override void Flush()
            {
                GiveUp(count);
                base.Flush();
            }

            private void GiveUp(int bytes)
            {
                for (int i = 0; i < bytes; i++)
                {
                    Give("\uFFFD");
                }

                Drop(bytes);
            }

            private void Drop(int bytes)
            {
                held.AsSpan(bytes, count - bytes).CopyTo(held);
                count -= bytes;
            }
        }
    }

    /// <summary>What was tokens is one text from here on.</summary>
    internal sealed class Fuse : PieceDecoder
    {
        public override bool Fuses => true;

        public override Stream Begin(Stream? next) => next!;
    }

    /// <summary>Rewrites each token.</summary>
    internal sealed class Rewrite(Func<string, string> change) : PieceDecoder
    {
        public override string TextOf(string token) => change(token);

        public override Stream Begin(Stream? next) => new Run(change, next!);

        private sealed class Run(Func<string, string> change, Stream next) : Stream(next)
        {
            public override void Push(string piece) => Give(change(piece));
        }
    }

    /// <summary>Rewrites the whole text, which is not certain before its end.</summary>
    internal sealed class RewriteWhole(Func<string, string> change) : PieceDecoder
    {
        public override bool Fuses => true;

        public override string TextOf(string token) => change(token);

        public override Stream Begin(Stream? next) => new Run(change, next!);

        private sealed class Run(Func<string, string> change, Stream next) : Stream(next)
        {
            private readonly StringBuilder whole = new();

            public override void Push(string piece) => whole.Append(piece);

            public override void Flush()
            {
                Give(change(whole.ToString()));
                base.Flush();
            }
        }
    }

    /// <summary>Takes up to so many of a character from the beginning and the end of the text.</summary>
    internal sealed class StripWhole(char content, int start, int stop) : PieceDecoder
    {
        public override bool Fuses => true;

        public override Stream Begin(Stream? next) => new Run(content, start, stop, next!);

        private sealed class Run(char content, int start, int stop, Stream next) : Stream(next)
        {
            private int left = start;
            private int held;

            public override void Push(string piece)
            {
                int begin = 0;
                while (left > 0 && begin < piece.Length && piece[begin] == content)
                {
                    begin++;
                    left--;
                }

                left = begin < piece.Length ? 0 : left;
                string rest = new string(content, held) + piece[begin..];
                held = 0;
                while (held < stop && held < rest.Length && rest[^(held + 1)] == content)
                {
                    held++;
                }

                Give(rest[..^held]);
            }
        }
    }

    /// <summary>The visible character becomes spaces, and is left out of the first token where a space was put before the text.</summary>
    internal sealed class Metaspace(char replacement, bool dropsFirst) : PieceDecoder
    {
        public override string TextOf(string token) => token.Replace(replacement, ' ');

        public override Stream Begin(Stream? next) => new Run(replacement, dropsFirst, next!);

        private sealed class Run(char replacement, bool dropsFirst, Stream next) : Stream(next)
        {
            private bool drops = dropsFirst;

            public override void Push(string piece)
            {
                Give(drops ? piece.Replace(replacement.ToString(), "", StringComparison.Ordinal) : piece.Replace(replacement, ' '));
                drops = false;
            }
        }
    }

    /// <summary>Tokens that begin a word get a space before them; of the others the prefix goes.</summary>
    internal sealed class WordPiece(string prefix, bool cleanUp) : PieceDecoder
    {
        private static readonly (string From, string To)[] Replacements =
        [
            (" .", "."), (" ?", "?"), (" !", "!"), (" ,", ","), (" ' ", "'"), (" n't", "n't"), (" 'm", "'m"), (" do not", " don't"),
            (" 's", "'s"), (" 've", "'ve"), (" 're", "'re"),
        ];

        public override string TextOf(string token) => Join(token, isFirst: false);

        public override Stream Begin(Stream? next) => new Run(this, next!);

        private string Join(string token, bool isFirst)
        {
            string text = isFirst ? token : prefix.Length > 0 && token.StartsWith(prefix, StringComparison.Ordinal)
                ? token[prefix.Length..] : " " + token;
            return cleanUp
                ? Replacements.Aggregate(text, static (current, pair) => current.Replace(pair.From, pair.To, StringComparison.Ordinal))
                : text;
        }

        private sealed class Run(WordPiece decoder, Stream next) : Stream(next)
        {
            private bool isFirst = true;

            public override void Push(string piece)
            {
                Give(decoder.Join(piece, isFirst));
                isFirst = false;
            }
        }
    }

    /// <summary>The suffix of tokens that end a word becomes a space, but for the last one.</summary>
    internal sealed class WordSuffix(string suffix) : PieceDecoder
    {
        public override string TextOf(string token) => token.Replace(suffix, " ", StringComparison.Ordinal);

        public override Stream Begin(Stream? next) => new Run(suffix, next!);

        private sealed class Run(string suffix, Stream next) : Stream(next)
        {
            private string? held;

            public override void Push(string piece)
            {
                if (held is not null)
                {
                    Give(held.Replace(suffix, " ", StringComparison.Ordinal));
                }

                held = piece;
            }

            public override void Flush()
            {
                if (held is not null)
                {
                    Give(held.Replace(suffix, "", StringComparison.Ordinal));
                    held = null;
                }

                base.Flush();
            }
        }
    }

    /// <summary>Tokens with spaces between them: what a file without a decoder means.</summary>
    internal sealed class Spaced : PieceDecoder
    {
        public override Stream Begin(Stream? next) => new Run(next!);

        private sealed class Run(Stream next) : Stream(next)
        {
            private bool isFirst = true;

            public override void Push(string piece)
            {
                Give(isFirst ? piece : " " + piece);
                isFirst = false;
            }
        }
    }
}
