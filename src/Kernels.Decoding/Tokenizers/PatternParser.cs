using System.Globalization;
using System.Text;

namespace Kernels.Decoding;

/// <summary>Reads regular expressions of Oniguruma's Ruby syntax, in which tokenizer files are written, into trees.</summary>
internal sealed class PatternParser
{
    private const int MaxDepth = 64;
    private const int MaxRepeat = 1000;

    private readonly int[] pattern;
    private int at;
    private int depth;

    private PatternParser(string text) => pattern = [.. text.EnumerateRunes().Select(rune => rune.Value)];

    /// <summary>What an expression consists of.</summary>
    internal abstract record Node;

    internal sealed record Empty : Node;

    internal sealed record One(CodePointSet Set) : Node;

    internal sealed record Sequence(List<Node> Parts) : Node;

    internal sealed record Choice(List<Node> Options) : Node;

    /// <param name="Inner">What is repeated.</param>
    /// <param name="Least">How often at least.</param>
    /// <param name="Most">How often at most; <see cref="int.MaxValue"/> for no bound.</param>
    /// <param name="Mode">Greedy, lazy (?) or possessive (+).</param>
    internal sealed record Repeat(Node Inner, int Least, int Most, RepeatMode Mode) : Node;

    internal sealed record Atomic(Node Inner) : Node;

    internal sealed record Look(Node Inner, bool Behind, bool Negative) : Node;

    internal sealed record Assertion(AssertionKind Kind) : Node;

    internal enum RepeatMode
    {
        Greedy,
        Lazy,
        Possessive,
    }

    internal enum AssertionKind
    {
        TextBegin,
        TextEnd,
        TextEndOrLastBreak,
        LineBegin,
        LineEnd,
        WordBoundary,
        NoWordBoundary,
    }

    /// <exception cref="FormatException">The expression is not well-formed, or has a part that there is no code for.</exception>
    public static Node Parse(string text)
    {
        var parser = new PatternParser(text);
        Node node = parser.ReadChoice(default);
        return parser.at == parser.pattern.Length ? node : throw parser.Error("has a ')' without a '('");
    }

    private readonly record struct Flags(bool IgnoreCase, bool DotAll, bool Extended);

    private Node ReadChoice(Flags flags)
    {
        if (++depth > MaxDepth)
        {
            throw Error($"is nested more than {MaxDepth} deep");
        }

        var options = new List<Node> { ReadSequence(flags) };
        while (Take('|'))
        {
            options.Add(ReadSequence(flags));
        }

        depth--;
        return options.Count == 1 ? options[0] : new Choice(options);
    }

    private Node ReadSequence(Flags flags)
    {
        var parts = new List<Node>();
        while (at < pattern.Length && pattern[at] is not ('|' or ')'))
        {
            if (flags.Extended && SkipComment())
            {
                continue;
            }

            // Flags without a body count to the end of the group, alternatives included.
            if (Peek("(?") && TryReadOpenFlags(flags, out Flags changed))
            {
                parts.Add(ReadChoice(changed));
                continue;
            }

            parts.Add(ReadRepeats(ReadAtom(flags)));
        }

        return parts.Count switch { 0 => new Empty(), 1 => parts[0], _ => new Sequence(parts) };
    }

    private bool SkipComment()
    {
        if (pattern[at] == '#')
        {
            while (at < pattern.Length && pattern[at] != '\n')
            {
                at++;
            }

            return true;
        }

        if (pattern[at] < 128 && char.IsWhiteSpace((char)pattern[at]))
        {
            at++;
            return true;
        }

        return false;
    }

    private Node ReadRepeats(Node node)
    {
        while (at < pattern.Length)
        {
            int begin = at;
            (int Least, int Most)? range = pattern[at] switch
            {
                '*' => (0, int.MaxValue),
                '+' => (1, int.MaxValue),
                '?' => (0, 1),
                '{' => ReadRange(),
                _ => null,
            };
            if (range is not { } bounds)
            {
                at = begin;
                return node;
            }

            bool counted = pattern[begin] == '{';
            if (!counted)
            {
                at++;
            }

            // After a counted repetition, + repeats it once more.
            RepeatMode mode = Take('?') ? RepeatMode.Lazy : !counted && Take('+') ? RepeatMode.Possessive : RepeatMode.Greedy;
            node = node is Assertion or Look && bounds.Least > 0 ? node : new Repeat(node, bounds.Least, bounds.Most, mode);
            if (++depth > MaxDepth)
            {
                throw Error($"has more than {MaxDepth} repetitions of repetitions");
            }
        }

        return node;
    }

    /// <summary>{n}, {n,}, {,m} or {n,m}; null for a brace that stands for itself.</summary>
    private (int Least, int Most)? ReadRange()
    {
        at++;
        int? least = ReadCount();
        bool comma = Take(',');
        int? most = comma ? ReadCount() : least;
        if (!Take('}') || (least is null && most is null))
        {
            return null;
        }

        int from = least ?? 0;
        int to = most ?? int.MaxValue;
        return from <= to && from <= MaxRepeat && (most is null || to <= MaxRepeat)
            ? (from, to)
            : throw Error($"has a repetition that is not within {MaxRepeat}, the lower bound first");
    }

    private int? ReadCount()
    {
        int? value = null;
        while (at < pattern.Length && pattern[at] is >= '0' and <= '9')
        {
            value = Math.Min((value ?? 0) * 10 + pattern[at++] - '0', MaxRepeat + 1);
        }

        return value;
    }

    private Node ReadAtom(Flags flags)
    {
        int point = pattern[at];
        switch (point)
        {
            case '(':
                return ReadGroup(flags);
            case '[':
                at++;
                CodePointSet set = ReadClass(flags);
                return new One(flags.IgnoreCase ? set.IgnoreCase() : set);
            case '.':
                at++;
                return new One(new CodePointSet(flags.DotAll ? static _ => true : static p => p != '\n'));
            case '^':
                at++;
                return new Assertion(AssertionKind.LineBegin);
            case '$':
                at++;
                return new Assertion(AssertionKind.LineEnd);
            case '*' or '+' or '?':
                throw Error("repeats nothing");
            case '\\':
                at++;
                if (ReadAssertion() is { } assertion)
                {
                    return assertion;
                }

                return ReadEscapedSet() is { } escaped ? new One(escaped) : Literal(ReadEscapedPoint(), flags);
            default:
                at++;
                return Literal(point, flags);
        }
    }

    private static One Literal(int point, Flags flags)
    {
        if (!flags.IgnoreCase)
        {
            return new One(CodePointSet.Of(point));
        }

        int[] variants = [.. CodePointSet.CaseVariants(point).Distinct()];
        return new One(variants.Length == 1 ? CodePointSet.Of(point) : new CodePointSet(variants.Contains));
    }

    private Node ReadGroup(Flags flags)
    {
        at++;
        if (!Take('?'))
        {
            return Close(ReadChoice(flags));
        }

        if (Take('#'))
        {
            while (at < pattern.Length && pattern[at] != ')')
            {
                at++;
            }

            return Close(new Empty());
        }

        if (Take('='))
        {
            return Close(new Look(ReadChoice(flags), Behind: false, Negative: false));
        }

        if (Take('!'))
        {
            return Close(new Look(ReadChoice(flags), Behind: false, Negative: true));
        }

        if (Take('>'))
        {
            return Close(new Atomic(ReadChoice(flags)));
        }

        if (Take('<'))
        {
            if (Take('='))
            {
                return Close(new Look(ReadChoice(flags), Behind: true, Negative: false));
            }

            if (Take('!'))
            {
                return Close(new Look(ReadChoice(flags), Behind: true, Negative: true));
            }

            // The name of a group, which nothing can refer to here.
            while (at < pattern.Length && pattern[at] != '>')
            {
                at++;
            }

            return Take('>') ? Close(ReadChoice(flags)) : throw Error("has a group whose name does not end");
        }

        Flags inner = ReadFlags(flags);
        return Take(':') ? Close(ReadChoice(inner)) : throw Error("has a kind of group that is not supported");
    }

    private Node Close(Node node) => Take(')') ? node : throw Error("has a '(' without a ')'");

    private bool TryReadOpenFlags(Flags flags, out Flags changed)
    {
        int begin = at;
        at += 2;
        int first = at;
        changed = ReadFlags(flags);
        if (at > first && Take(')'))
        {
            return true;
        }

        at = begin;
        return false;
    }

    private Flags ReadFlags(Flags flags)
    {
        bool on = true;
        for (; at < pattern.Length; at++)
        {
            switch (pattern[at])
            {
                case '-':
                    on = false;
                    break;
                case 'i':
                    flags = flags with { IgnoreCase = on };
                    break;
                case 'm':
                    flags = flags with { DotAll = on };
                    break;
                case 'x':
                    flags = flags with { Extended = on };
                    break;
                default:
                    return flags;
            }
        }

        return flags;
    }

    private Assertion? ReadAssertion()
    {
        AssertionKind? kind = at < pattern.Length
            ? pattern[at] switch
            {
                'A' => AssertionKind.TextBegin,
                'z' => AssertionKind.TextEnd,
                'Z' => AssertionKind.TextEndOrLastBreak,
                'b' => AssertionKind.WordBoundary,
                'B' => AssertionKind.NoWordBoundary,
                _ => null,
            }
            : null;
        if (kind is null)
        {
            return null;
        }

        at++;
        return new Assertion(kind.Value);
    }

    /// <summary>The set that the letter after a backslash names, if it names one.</summary>
    private CodePointSet? ReadEscapedSet()
    {
        if (at == pattern.Length)
        {
            throw Error("ends with a backslash");
        }

        int letter = pattern[at];
        CodePointSet? set = letter switch
        {
            's' or 'S' => CodePointSet.WhiteSpace,
            'd' or 'D' => CodePointSet.Digits,
            'w' or 'W' => CodePointSet.WordCharacters,
            'h' or 'H' => new CodePointSet(static p => p < 128 && char.IsAsciiHexDigit((char)p)),
            _ => null,
        };
        if (set is not null)
        {
            at++;
            return letter is >= 'A' and <= 'Z' ? set.Complement() : set;
        }

        if (letter is not ('p' or 'P'))
        {
            return null;
        }

        at++;
        bool negative = letter == 'P';
        if (!Take('{'))
        {
            throw Error("has a property without braces");
        }

        negative ^= Take('^');
        int begin = at;
        while (at < pattern.Length && pattern[at] != '}')
        {
            at++;
        }

        string name = Text(begin, at);
        CodePointSet property = UnicodeProperties.Find(name) ?? throw Error($"has the property '{name}', which is not supported");
        if (!Take('}'))
        {
            throw Error("has a property that does not end");
        }

        return negative ? property.Complement() : property;
    }

    private int ReadEscapedPoint()
    {
        int letter = pattern[at++];
        switch (letter)
        {
            case 'n':
                return '\n';
            case 'r':
                return '\r';
            case 't':
                return '\t';
            case 'f':
                return '\f';
            case 'v':
                return '\v';
            case 'a':
                return '\a';
            case 'e':
                return '\u001b';
            case '0':
                return 0;
            case 'x' when Take('{'):
                int begin = at;
                while (at < pattern.Length && pattern[at] != '}')
                {
                    at++;
                }

                int braced = Hexadecimal(Text(begin, at));
                return Take('}') ? braced : throw Error("has a character number that does not end");
            case 'x':
                return ReadHexadecimal(2);
            case 'u':
                return ReadHexadecimal(4);
            case (>= 'a' and <= 'z') or (>= 'A' and <= 'Z') or (>= '1' and <= '9'):
                throw Error($"has '\\{(char)letter}', which is not supported");
            default:
                return letter;
        }
    }

    private int ReadHexadecimal(int most)
    {
        int begin = at;
        while (at < pattern.Length && at - begin < most && pattern[at] < 128 && char.IsAsciiHexDigit((char)pattern[at]))
        {
            at++;
        }

        return Hexadecimal(Text(begin, at));
    }

    private int Hexadecimal(string text) =>
        int.TryParse(text, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out int value) && Rune.IsValid(value)
            ? value
            : throw Error($"has the character number '{text}'");

    /// <summary>What stands in brackets, after the first: sets in sets and intersections (&amp;&amp;) too.</summary>
    private CodePointSet ReadClass(Flags flags)
    {
        if (++depth > MaxDepth)
        {
            throw Error($"is nested more than {MaxDepth} deep");
        }

        bool negative = Take('^');
        CodePointSet? intersection = null;
        var ranges = new List<(int From, int To)>();
        var sets = new List<CodePointSet>();
        bool first = true;
        while (true)
        {
            if (at == pattern.Length)
            {
                throw Error("has a '[' without a ']'");
            }

            if (pattern[at] == ']' && !first)
            {
                at++;
                break;
            }

            first = false;
            if (Peek("&&"))
            {
                at += 2;
                CodePointSet part = Collect(ranges, sets);
                intersection = intersection?.Intersection(part) ?? part;
                (ranges, sets) = ([], []);
                continue;
            }

            ReadClassItem(flags, ranges, sets);
        }

        CodePointSet all = Collect(ranges, sets);
        all = intersection?.Intersection(all) ?? all;
        depth--;
        return negative ? all.Complement() : all;
    }

    private void ReadClassItem(Flags flags, List<(int From, int To)> ranges, List<CodePointSet> sets)
    {
        if (Peek("[:") && ReadNamedClass() is { } named)
        {
            sets.Add(named);
            return;
        }

        if (Take('['))
        {
            sets.Add(ReadClass(flags));
            return;
        }

        if (ReadClassPoint(sets) is not { } from)
        {
            return;
        }

        int to = from;
        if (at + 1 < pattern.Length && pattern[at] == '-' && pattern[at + 1] is not (']' or '['))
        {
            int dash = at++;
            var ends = new List<CodePointSet>();
            if (ReadClassPoint(ends) is { } end)
            {
                to = end >= from ? end : throw Error("has a range whose end is before its beginning");
            }
            else
            {
                // A set after a dash: the dash stands for itself.
                ranges.Add((pattern[dash], pattern[dash]));
                sets.AddRange(ends);
            }
        }

        ranges.Add((from, to));
    }

    private int? ReadClassPoint(List<CodePointSet> sets)
    {
        int point = pattern[at++];
        if (point != '\\')
        {
            return point;
        }

        if (ReadEscapedSet() is { } set)
        {
            sets.Add(set);
            return null;
        }

        if (pattern[at] == 'b')
        {
            at++;
            return '\b';
        }

        return ReadEscapedPoint();
    }

    private CodePointSet? ReadNamedClass()
    {
        int begin = at + 2;
        int end = begin;
        while (end < pattern.Length && (pattern[end] is (>= 'a' and <= 'z') or '^'))
        {
            end++;
        }

        if (end + 1 >= pattern.Length || pattern[end] != ':' || pattern[end + 1] != ']')
        {
            return null;
        }

        string name = Text(begin, end);
        bool negative = name.StartsWith('^');
        CodePointSet set = UnicodeProperties.FindNamedClass(name.TrimStart('^'))
            ?? throw Error($"has the class '[:{name}:]', which is not supported");
        at = end + 2;
        return negative ? set.Complement() : set;
    }

    private static CodePointSet Collect(List<(int From, int To)> ranges, List<CodePointSet> sets)
    {
        (int From, int To)[] fixedRanges = [.. ranges];
        CodePointSet[] fixedSets = [.. sets];
        return new CodePointSet(point =>
        {
            foreach ((int from, int to) in fixedRanges)
            {
                if (point >= from && point <= to)
                {
                    return true;
                }
            }

            foreach (CodePointSet set in fixedSets)
            {
                if (set.Contains(point))
                {
                    return true;
                }
            }

            return false;
        });
    }

    private bool Peek(string text)
    {
        for (int i = 0; i < text.Length; i++)
        {
            if (at + i >= pattern.Length || pattern[at + i] != text[i])
            {
                return false;
            }
        }

        return true;
    }

    private bool Take(char point)
    {
        if (at < pattern.Length && pattern[at] == point)
        {
            at++;
            return true;
        }

        return false;
    }

    private string Text(int begin, int end) => string.Concat(pattern[begin..end].Select(point => new Rune(point).ToString()));

    private FormatException Error(string message) => new($"the regular expression '{Shorten(Text(0, pattern.Length))}' {message}");

    private static string Shorten(string text) => text.Length <= 100 ? text : text[..97] + "...";
}
