using System.Globalization;
using System.Numerics;
using System.Text;

namespace Kernels.Decoding;

/// <summary>
/// Cuts a template into tokens, with the whitespace control of Jinja2 under <c>trim_blocks</c> and <c>lstrip_blocks</c>, as Hugging
/// Face's transformers sets them: the line break after a block is dropped, and the blanks before a block that begins its line.
/// </summary>
internal sealed class JinjaLexer
{
    private static readonly string[] LongOperators = ["**", "//", "==", "!=", ">=", "<="];

    private readonly string source;
    private readonly List<JinjaToken> tokens = [];
    private readonly Stack<char> open = new();
    private int position;
    private int line = 1;
    private int counted;

    // Whether what was read last ends with a line break.
    private bool lineStarts = true;

    private JinjaLexer(string source) => this.source = source;

    /// <summary>The tokens of a template, the last of kind End.</summary>
    /// <exception cref="ChatTemplateException">The template is not well-formed.</exception>
    public static List<JinjaToken> Read(string source)
    {
        // One line break at the end is not part of the text.
        string text = NormaliseLines(source);
        var lexer = new JinjaLexer(text.EndsWith('\n') ? text[..^1] : text);
        lexer.ReadAll();
        return lexer.tokens;
    }

    private static string NormaliseLines(string text) =>
        text.Contains('\r') ? text.Replace("\r\n", "\n", StringComparison.Ordinal).Replace('\r', '\n') : text;

    private void ReadAll()
    {
        while (position < source.Length)
        {
            int tag = FindTag(position);
            if (tag < 0)
            {
                AddData(position, source.Length);
                position = source.Length;
                break;
            }

            char kind = source[tag + 1];
            int inside = tag + 2;
            char sign = inside < source.Length && source[inside] is '-' or '+' ? source[inside++] : '\0';
            AddData(position, StrippedEnd(position, tag, sign, kind == '{'));
            Advance(tag);
            position = inside;
            switch (kind)
            {
                case '#':
                    SkipComment();
                    break;
                case '%' when RawBegin() is { } raw:
                    ReadRaw(raw);
                    break;
                default:
                    Add(kind == '{' ? JinjaTokenKind.VariableBegin : JinjaTokenKind.BlockBegin, "");
                    ReadExpression(kind == '{');
                    break;
            }
        }

        Advance(source.Length);
        Add(JinjaTokenKind.End, "");
    }

    private int FindTag(int from)
    {
        for (int i = from; (i = source.IndexOf('{', i)) >= 0; i++)
        {
            if (i + 1 < source.Length && source[i + 1] is '{' or '%' or '#')
            {
                return i;
            }
        }

        return -1;
    }

    // Where the text before a tag ends.
    private int StrippedEnd(int start, int tag, char sign, bool variable)
    {
        int end = tag;
        if (sign == '-')
        {
            while (end > start && JinjaText.IsSpace(source[end - 1]))
            {
                end--;
            }

            return end;
        }

        if (sign == '+' || variable)
        {
            return tag;
        }

        while (end > start && source[end - 1] != '\n' && JinjaText.IsSpace(source[end - 1]))
        {
            end--;
        }

        bool beginsLine = end > start ? source[end - 1] == '\n' : lineStarts;
        return beginsLine ? end : tag;
    }

    private void AddData(int start, int end)
    {
        if (end > start)
        {
            Advance(start);
            Add(JinjaTokenKind.Data, source[start..end]);
        }
    }

    private void SkipComment()
    {
        int end = source.IndexOf("#}", position, StringComparison.Ordinal);
        if (end < 0)
        {
            throw Fail("a comment has no end '#}'");
        }

        char sign = end > position ? source[end - 1] : '\0';
        position = end + 2;
        EndBlock(sign);
    }

    // After the end of a block or comment: what whitespace belongs to it.
    private void EndBlock(char sign)
    {
        if (sign == '-')
        {
            SkipSpace();
        }
        else if (sign != '+' && position < source.Length && source[position] == '\n')
        {
            position++;
        }

        lineStarts = source[position - 1] == '\n';
    }

    private void SkipSpace()
    {
        while (position < source.Length && JinjaText.IsSpace(source[position]))
        {
            position++;
        }
    }

    // Where the content of a raw block begins, if this is one.
    private int? RawBegin()
    {
        int at = SkipWord(position, "raw");
        if (at < 0)
        {
            return null;
        }

        if (Follows(at, "-%}"))
        {
            at += 3;
            while (at < source.Length && JinjaText.IsSpace(source[at]))
            {
                at++;
            }

            return at;
        }

        return Follows(at, "%}") ? at + 2 : null;
    }

    private void ReadRaw(int start)
    {
        lineStarts = source[start - 1] == '\n';
        for (int tag = start; (tag = source.IndexOf("{%", tag, StringComparison.Ordinal)) >= 0; tag++)
        {
            int inside = tag + 2;
            char sign = inside < source.Length && source[inside] is '-' or '+' ? source[inside++] : '\0';
            int at = SkipWord(inside, "endraw");
            if (at < 0)
            {
                continue;
            }

            char endSign = at < source.Length && source[at] is '-' or '+' ? source[at++] : '\0';
            if (Follows(at, "%}"))
            {
                AddData(start, StrippedEnd(start, tag, sign, variable: false));
                position = at + 2;
                EndBlock(endSign);
                return;
            }
        }

        throw Fail("a raw block has no end");
    }

    private int SkipWord(int at, string word)
    {
        while (at < source.Length && JinjaText.IsSpace(source[at]))
        {
            at++;
        }

        if (!Follows(at, word))
        {
            return -1;
        }

        at += word.Length;
        while (at < source.Length && JinjaText.IsSpace(source[at]))
        {
            at++;
        }

        return at;
    }

    private bool Follows(int at, string text) => string.CompareOrdinal(source, at, text, 0, text.Length) == 0;

    private void ReadExpression(bool variable)
    {
        string end = variable ? "}}" : "%}";
        open.Clear();
        while (true)
        {
            SkipSpace();
            Advance(Math.Min(position, source.Length));
            if (position >= source.Length)
            {
                throw Fail($"a tag has no end '{end}'");
            }

            char c = source[position];
            bool signed = c == '-' || (c == '+' && !variable);
            if (open.Count == 0 && Follows(signed ? position + 1 : position, end))
            {
                Add(variable ? JinjaTokenKind.VariableEnd : JinjaTokenKind.BlockEnd, end);
                position += signed ? 3 : 2;
                if (!variable)
                {
                    EndBlock(signed ? c : '\0');
                    return;
                }

                if (signed)
                {
                    SkipSpace();
                }

                lineStarts = source[position - 1] == '\n';
                return;
            }

            if (char.IsAsciiDigit(c))
            {
                ReadNumber();
            }
            else if (c == '_' || char.IsLetter(c))
            {
                int start = position;
                while (position < source.Length && (source[position] == '_' || char.IsLetterOrDigit(source[position])))
                {
                    position++;
                }

                Add(JinjaTokenKind.Name, source[start..position]);
            }
            else if (c is '\'' or '"')
            {
                ReadString(c);
            }
            else
            {
                ReadOperator(c);
            }
        }
    }

    private void ReadOperator(char c)
    {
        string text = Array.Find(LongOperators, known => Follows(position, known)) ?? c.ToString();
        if (text.Length == 1 && !"+-*/%~[](){}<>=.:|,".Contains(c, StringComparison.Ordinal))
        {
            throw Fail($"the character '{c}' has no meaning in a tag");
        }

        switch (c)
        {
            case '(' or '[' or '{':
                open.Push(c switch { '(' => ')', '[' => ']', _ => '}' });
                break;
            case ')' or ']' or '}' when !open.TryPop(out char expected) || expected != c:
                throw Fail($"'{c}' closes no bracket");
        }

        Add(JinjaTokenKind.Operator, text);
        position += text.Length;
    }

    private void ReadNumber()
    {
        int start = position;
        if (source[position] == '0' && position + 2 < source.Length && RadixOf(source[position + 1]) is { } radix
            && Digit(source[position + 2]) < radix)
        {
            position += 2;
            string digits = Digits(c => Digit(c) < radix);
            BigInteger value = BigInteger.Zero;
            foreach (char c in Bounded(digits))
            {
                value = (value * radix) + Digit(c);
            }

            Add(JinjaTokenKind.Number, source[start..position], JinjaNumber.Normalise(value));
            return;
        }

        // After a dot it is an index: x.0.1.
        bool index = start > 0 && source[start - 1] == '.';
        string text = Digits(char.IsAsciiDigit);
        bool real = false;
        if (!index && position + 1 < source.Length && source[position] == '.' && char.IsAsciiDigit(source[position + 1]))
        {
            position++;
            text += "." + Digits(char.IsAsciiDigit);
            real = true;
        }

        if (!index && position < source.Length && source[position] is 'e' or 'E')
        {
            int exponent = position + 1 < source.Length && source[position + 1] is '+' or '-' ? position + 2 : position + 1;
            if (exponent < source.Length && char.IsAsciiDigit(source[exponent]))
            {
                text += source[position..exponent];
                position = exponent;
                text += Digits(char.IsAsciiDigit);
                real = true;
            }
        }

        object number = real
            ? double.Parse(text, CultureInfo.InvariantCulture)
            : JinjaNumber.Normalise(BigInteger.Parse(Bounded(text), CultureInfo.InvariantCulture));
        Add(JinjaTokenKind.Number, text, number);
    }

    private static int? RadixOf(char c) => c switch { 'x' or 'X' => 16, 'o' or 'O' => 8, 'b' or 'B' => 2, _ => null };

    private static int Digit(char c) => char.IsAsciiHexDigit(c) ? Convert.ToInt32(c.ToString(), 16) : int.MaxValue;

    // Digits may be parted by single underscores.
    private string Digits(Func<char, bool> allowed)
    {
        var digits = new StringBuilder();
        while (position < source.Length)
        {
            if (allowed(source[position]))
            {
                digits.Append(source[position++]);
            }
            else if (source[position] == '_' && digits.Length > 0 && position + 1 < source.Length && allowed(source[position + 1]))
            {
                position++;
            }
            else
            {
                break;
            }
        }

        return digits.ToString();
    }

    private string Bounded(string digits) =>
        digits.Length <= JinjaNumber.MaxDigits ? digits : throw Fail($"a number has {digits.Length} digits");

    private void ReadString(char quote)
    {
        int end = position + 1;
        while (end < source.Length && source[end] != quote)
        {
            end += source[end] == '\\' ? 2 : 1;
        }

        if (end >= source.Length)
        {
            throw Fail("a string has no end");
        }

        string text = source[(position + 1)..end];
        Add(JinjaTokenKind.String, text.Contains('\\') ? Unescape(text) : text);
        position = end + 1;
    }

    // The escapes of Python's strings; an unknown one stays as it is.
    private string Unescape(string text)
    {
        var result = new StringBuilder(text.Length);
        for (int i = 0; i < text.Length; i++)
        {
            if (text[i] != '\\')
            {
                result.Append(text[i]);
                continue;
            }

            char c = text[++i];
            switch (c)
            {
                case '\n':
                    break;
                case '\\' or '\'' or '"':
                    result.Append(c);
                    break;
                case 'n':
                    result.Append('\n');
                    break;
                case 't':
                    result.Append('\t');
                    break;
                case 'r':
                    result.Append('\r');
                    break;
                case 'b':
                    result.Append('\b');
                    break;
                case 'f':
                    result.Append('\f');
                    break;
                case 'v':
                    result.Append('\v');
                    break;
                case 'a':
                    result.Append('\a');
                    break;
                case 'x' or 'u' or 'U':
                    int digits = c switch { 'x' => 2, 'u' => 4, _ => 8 };
                    if (i + digits >= text.Length
                        || !int.TryParse(
                            text.AsSpan(i + 1, digits), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out int code)
                        || code is < 0 or > 0x10FFFF)
                    {
                        throw Fail($"a string has an incomplete escape '\\{c}'");
                    }

                    result.Append(code > 0xFFFF ? char.ConvertFromUtf32(code) : ((char)code).ToString());
                    i += digits;
                    break;
                case >= '0' and <= '7':
                    int octal = 0;
                    int last = Math.Min(i + 3, text.Length);
                    for (; i < last && text[i] is >= '0' and <= '7'; i++)
                    {
                        octal = (octal * 8) + (text[i] - '0');
                    }

                    result.Append((char)octal);
                    i--;
                    break;
                default:
                    result.Append('\\').Append(c);
                    break;
            }
        }

        return result.ToString();
    }

    private void Add(JinjaTokenKind kind, string text, object? value = null) => tokens.Add(new JinjaToken(kind, text, value, line));

    // Counts the lines up to a place.
    private void Advance(int to)
    {
        if (to > counted)
        {
            line += source.AsSpan(counted, to - counted).Count('\n');
            counted = to;
        }
    }

    private ChatTemplateException Fail(string message) => new(ChatTemplateFault.Syntax, line, message);
}
