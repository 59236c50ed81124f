namespace Kernels.Decoding;

/// <summary>Splits texts by matches.</summary>
internal static class TextSplit
{
    /// <summary>The matches and what lies between them, in order, as they cover the text.</summary>
    public static List<(int Start, int End, bool IsMatch)> Cover(List<(int Start, int End)> matches, int length, bool invert = false)
    {
        var parts = new List<(int, int, bool)>();
        int at = 0;
        foreach ((int start, int end) in matches)
        {
            if (start > at)
            {
                parts.Add((at, start, invert));
            }

            parts.Add((start, end, !invert));
            at = end;
        }

        if (at < length || parts.Count == 0)
        {
            parts.Add((at, length, invert));
        }

        return parts;
    }

    /// <summary>A part for every run of characters that are in the set, or for every single one; and the parts between.</summary>
    public static List<(int Start, int End, bool IsMatch)> Cover(string text, CodePointSet set)
    {
        var matches = new List<(int, int)>();
        for (int i = 0; i < text.Length;)
        {
            int width = char.IsHighSurrogate(text[i]) && i + 1 < text.Length ? 2 : 1;
            if (set.Contains(width == 2 ? char.ConvertToUtf32(text[i], text[i + 1]) : text[i]))
            {
                matches.Add((i, i + width));
            }

            i += width;
        }

        return Cover(matches, text.Length);
    }

    /// <summary>The pieces that a behaviour makes of the parts; empty ones are left out.</summary>
    public static IEnumerable<(int Start, int End)> Apply(List<(int Start, int End, bool IsMatch)> parts, SplitBehavior behavior)
    {
        var pieces = new List<(int Start, int End)>();
        bool previous = false;
        switch (behavior)
        {
            case SplitBehavior.Removed:
                pieces.AddRange(parts.Where(part => !part.IsMatch).Select(part => (part.Start, part.End)));
                break;
            case SplitBehavior.Isolated:
                pieces.AddRange(parts.Select(part => (part.Start, part.End)));
                break;
            case SplitBehavior.Contiguous:
            case SplitBehavior.MergedWithPrevious:
                foreach ((int start, int end, bool isMatch) in parts)
                {
                    bool joins = behavior == SplitBehavior.Contiguous ? isMatch == previous : isMatch && !previous;
                    if (joins && pieces.Count > 0)
                    {
                        pieces[^1] = (pieces[^1].Start, end);
                    }
                    else
                    {
                        pieces.Add((start, end));
                    }

                    previous = isMatch;
                }

                break;
            case SplitBehavior.MergedWithNext:
                for (int i = parts.Count - 1; i >= 0; i--)
                {
                    if (parts[i].IsMatch && !previous && pieces.Count > 0)
                    {
                        pieces[^1] = (parts[i].Start, pieces[^1].End);
                    }
                    else
                    {
                        pieces.Add((parts[i].Start, parts[i].End));
                    }

                    previous = parts[i].IsMatch;
                }

                pieces.Reverse();
                break;
        }

        return pieces.Where(piece => piece.End > piece.Start);
    }
}
