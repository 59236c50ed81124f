using System.Globalization;
using System.Text;

namespace Kernels.Decoding;

/// <summary>Rewrites a text before it is split, as the <c>normalizer</c> of a tokenizer file says.</summary>
internal abstract class TextNormalizer
{
    public abstract string Apply(string text);

    /// <summary>Several, one after the other.</summary>
    internal sealed class Sequence(TextNormalizer[] parts) : TextNormalizer
    {
        public override string Apply(string text) => parts.Aggregate(text, static (current, part) => part.Apply(current));
    }

    internal sealed class Form(NormalizationForm form) : TextNormalizer
    {
        public override string Apply(string text) => UnicodeNormalizer.Normalize(text, form);
    }

    internal sealed class Lowercase : TextNormalizer
    {
        // Of all characters only the capital I with a dot becomes two.
        public override string Apply(string text) => text.ToLowerInvariant().Replace("\u0130", "i\u0307", StringComparison.Ordinal);
    }

    internal sealed class Strip(bool left, bool right) : TextNormalizer
    {
        public override string Apply(string text)
        {
            string trimmed = left ? text.TrimStart() : text;
            return right ? trimmed.TrimEnd() : trimmed;
        }
    }

    internal sealed class Remove(CodePointSet set) : TextNormalizer
    {
        public override string Apply(string text) => Map(text, rune => set.Contains(rune.Value) ? "" : null);
    }

    internal sealed class Prepend(string prefix) : TextNormalizer
    {
        public override string Apply(string text) => text.Length == 0 ? text : prefix + text;
    }

    internal sealed class ReplaceText(string pattern, string content) : TextNormalizer
    {
        public override string Apply(string text) => text.Replace(pattern, content, StringComparison.Ordinal);
    }

    internal sealed class ReplacePattern(TextPattern pattern, string content) : TextNormalizer
    {
        public override string Apply(string text)
        {
            List<(int Start, int End)> matches = pattern.FindAll(text);
            if (matches.Count == 0)
            {
                return text;
            }

            var result = new StringBuilder(text.Length);
            int at = 0;
            foreach ((int start, int end) in matches)
            {
                result.Append(text, at, start - at).Append(content);
                at = end;
            }

            return result.Append(text, at, text.Length - at).ToString();
        }
    }

    /// <summary>Writes the UTF-8 bytes of the text as the printable characters of byte-level BPE.</summary>
    internal sealed class Bytes : TextNormalizer
    {
        public override string Apply(string text) => ByteAlphabet.FromText(text);
    }

    /// <summary>What SentencePiece's nmt rules do: control characters go, and odd spaces become spaces.</summary>
    internal sealed class Nmt : TextNormalizer
    {
        public override string Apply(string text) => Map(text, static rune => rune.Value switch
        {
            (>= 1 and <= 8) or 11 or (>= 0xE and <= 0x1F) or 0x7F or 0x8F or 0x9F => "",
            9 or 10 or 12 or 13 or 0x1680 or (>= 0x200B and <= 0x200F) or 0x2028 or 0x2029 or 0x2581 or 0xFEFF or 0xFFFD => " ",
            _ => null,
        });
    }

    /// <summary>BERT's cleaning: control characters go, white space becomes spaces, Chinese characters get spaces around them.</summary>
    internal sealed class Bert(bool clean, bool spaceChinese, bool stripAccents, bool lowercase) : TextNormalizer
    {
        private static readonly CodePointSet NonSpacing = CodePointSet.OfCategories(UnicodeCategory.NonSpacingMark);
        private static readonly CodePointSet Control = CodePointSet.OfCategories(
            UnicodeCategory.Control, UnicodeCategory.Format, UnicodeCategory.Surrogate, UnicodeCategory.PrivateUse,
            UnicodeCategory.OtherNotAssigned);

        public override string Apply(string text)
        {
            if (clean)
            {
                text = Map(text, static rune => rune.Value switch
                {
                    '\t' or '\n' or '\r' => " ",
                    0 or 0xFFFD => "",
                    _ => Control.Contains(rune.Value) ? "" : Rune.IsWhiteSpace(rune) ? " " : null,
                });
            }

            if (spaceChinese)
            {
                text = Map(text, static rune => IsChinese(rune.Value) ? $" {rune} " : null);
            }

            if (stripAccents)
            {
                text = Map(
                    UnicodeNormalizer.Normalize(text, NormalizationForm.FormD), static rune => NonSpacing.Contains(rune.Value) ? "" : null);
            }

            return lowercase ? new Lowercase().Apply(text) : text;
        }

        private static bool IsChinese(int point) => point is (>= 0x4E00 and <= 0x9FFF) or (>= 0x3400 and <= 0x4DBF)
            or (>= 0x20000 and <= 0x2A6DF)
            or (>= 0x2A700 and <= 0x2B73F) or (>= 0x2B740 and <= 0x2B81F) or (>= 0x2B920 and <= 0x2CEAF) or (>= 0xF900 and <= 0xFAFF)
            or (>= 0x2F800 and <= 0x2FA1F);
    }

    /// <summary>Replaces characters; null leaves one as it is.</summary>
    private static string Map(string text, Func<Rune, string?> replacement)
    {
        StringBuilder? result = null;
        int at = 0;
        foreach (Rune rune in text.EnumerateRunes())
        {
            if (replacement(rune) is { } changed)
            {
                result ??= new StringBuilder(text.Length).Append(text, 0, at);
                result.Append(changed);
            }
            else
            {
                result?.Append(text, at, rune.Utf16SequenceLength);
            }

            at += rune.Utf16SequenceLength;
        }

        return result?.ToString() ?? text;
    }
}
