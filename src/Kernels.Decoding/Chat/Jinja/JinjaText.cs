using System.Globalization;
using System.Text;

namespace Kernels.Decoding;

/// <summary>Texts as Python sees them: in code points, with its notions of white space, case and lines.</summary>
internal static class JinjaText
{
    /// <summary>Python's white space.</summary>
    public static bool IsSpace(char c) => char.IsWhiteSpace(c) || c is >= '\x1c' and <= '\x1f';

    /// <summary>Whether a text has characters of two code units.</summary>
    public static bool HasPairs(string text) => text.AsSpan().IndexOfAnyInRange('\uD800', '\uDFFF') >= 0;

    /// <summary>Code points of a text.</summary>
    public static int Length(string text)
    {
        if (!HasPairs(text))
        {
            return text.Length;
        }

        int count = 0;
        for (int i = 0; i < text.Length; i += WidthAt(text, i))
        {
            count++;
        }

        return count;
    }

    /// <summary>The code points of a text, each as a text.</summary>
    public static List<object?> Points(string text)
    {
        var points = new List<object?>(text.Length);
        for (int i = 0, width; i < text.Length; i += width)
        {
            width = WidthAt(text, i);
            points.Add(text.Substring(i, width));
        }

        return points;
    }

    /// <summary>Where a code point begins, in code units.</summary>
    public static int Unit(string text, int point)
    {
        if (!HasPairs(text))
        {
            return Math.Min(point, text.Length);
        }

        int unit = 0;
        for (; point > 0 && unit < text.Length; point--)
        {
            unit += WidthAt(text, unit);
        }

        return unit;
    }

    /// <summary>How many code points come before a code unit.</summary>
    public static int Point(string text, int unit) => Length(text[..unit]);

    /// <summary>Order by code points.</summary>
    public static int Compare(string a, string b)
    {
        int n = Math.Min(a.Length, b.Length);
        int same = a.AsSpan(0, n).CommonPrefixLength(b.AsSpan(0, n));
        if (same == n)
        {
            return a.Length.CompareTo(b.Length);
        }

        // Code units of pairs come before U+E000, their code points after it.
        bool pairA = char.IsSurrogate(a[same]);
        bool pairB = char.IsSurrogate(b[same]);
        return pairA && !pairB && b[same] >= '\uE000' ? 1
            : pairB && !pairA && a[same] >= '\uE000' ? -1
            : a[same].CompareTo(b[same]);
    }

    public static string Strip(string text, string? characters, bool start, bool end)
    {
        bool Belongs(char c) => characters is null ? IsSpace(c) : characters.Contains(c, StringComparison.Ordinal);
        int from = 0;
        int to = text.Length;
        while (start && from < to && Belongs(text[from]))
        {
            from++;
        }

        while (end && to > from && Belongs(text[to - 1]))
        {
            to--;
        }

        return text[from..to];
    }

    /// <summary>The first letter in upper case, the others in lower case.</summary>
    public static string Capitalize(string text)
    {
        if (text.Length == 0)
        {
            return text;
        }

        int first = WidthAt(text, 0);
        return Upper(text[..first]) + Lower(text[first..]);
    }

    public static string Upper(string text) => text.ToUpperInvariant().Replace("ß", "SS", StringComparison.Ordinal);

    public static string Lower(string text) => text.ToLowerInvariant();

    /// <summary>Letters after what is no letter in upper case, the others in lower case.</summary>
    public static string Title(string text)
    {
        var result = new StringBuilder(text.Length);
        bool inside = false;
        foreach (Rune rune in text.EnumerateRunes())
        {
            result.Append((inside ? Rune.ToLowerInvariant(rune) : Rune.ToUpperInvariant(rune)).ToString());
            inside = Rune.IsLetter(rune);
        }

        return result.ToString();
    }

    /// <summary>The lines of a text, as <c>splitlines</c> cuts them.</summary>
    public static List<object?> Lines(string text, bool keepEnds)
    {
        var lines = new List<object?>();
        for (int start = 0; start < text.Length;)
        {
            int end = start;
            while (end < text.Length
                && !(text[end] is '\n' or '\r' or '\v' or '\f' or (>= '\x1c' and <= '\x1e') or '\x85' or '\u2028' or '\u2029'))
            {
                end++;
            }

            int next = Math.Min(end + 1, text.Length);
            if (end + 1 < text.Length && text[end] == '\r' && text[end + 1] == '\n')
            {
                next++;
            }

            lines.Add(text[start..(keepEnds ? next : end)]);
            start = next;
        }

        return lines;
    }

    /// <summary>Whether Python's repr shows a character as it is.</summary>
    public static bool IsPrintable(Rune rune) => rune.Value == ' ' || Rune.GetUnicodeCategory(rune) is not (
        UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.Surrogate or UnicodeCategory.PrivateUse
        or UnicodeCategory.OtherNotAssigned or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator
        or UnicodeCategory.SpaceSeparator);

    private static int WidthAt(string text, int unit) =>
        char.IsHighSurrogate(text[unit]) && unit + 1 < text.Length && char.IsLowSurrogate(text[unit + 1]) ? 2 : 1;
}
