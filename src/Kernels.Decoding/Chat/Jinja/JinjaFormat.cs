using System.Globalization;
using System.Numerics;
using System.Text;

namespace Kernels.Decoding;

/// <summary>Python's two ways to format: <c>'%s' % value</c> and <c>'{}'.format(value)</c>, with their common specifications.</summary>
internal static class JinjaFormat
{
    private const int MaxWidth = 10_000;

    /// <summary>Formats with %.</summary>
    public static string Percent(JinjaRun run, string format, object? values)
    {
        run.Read(format);
        var text = new StringBuilder();
        List<object?> given = values is JinjaList { Kind: JinjaSequenceKind.Tuple } tuple ? tuple.Items : [values];
        int next = 0;
        bool named = false;
        for (int i = 0; i < format.Length; i++)
        {
            if (format[i] != '%')
            {
                text.Append(format[i]);
                continue;
            }

            char Current() => i < format.Length ? format[i] : throw run.Fail("a format is incomplete");
            object? Take() => next < given.Count ? given[next++] : throw run.Fail("there are not enough values for the format");
            i++;
            object? value = JinjaArguments.Absent;
            if (Current() == '(')
            {
                int end = format.IndexOf(')', i);
                value = end > 0 && values is JinjaDictionary dictionary && dictionary.TryGet(format[(i + 1)..end], out object? found)
                    ? found
                    : throw run.Fail("the format names a value that is not there");
                named = true;
                i = end + 1;
            }

            int flags = i;
            while (Current() is '-' or '+' or ' ' or '0' or '#')
            {
                i++;
            }

            string signs = format[flags..i];
            int? Count()
            {
                if (Current() == '*')
                {
                    i++;
                    return JinjaNumber.Index(Take()) ?? throw run.Fail("a width is no number");
                }

                int start = i;
                while (char.IsAsciiDigit(Current()))
                {
                    i++;
                }

                return i == start ? null : int.TryParse(format.AsSpan(start, i - start), out int count) ? count : int.MaxValue;
            }

            int width = Count() ?? 0;
            int? precision = null;
            if (Current() == '.')
            {
                i++;
                precision = Count() ?? 0;
            }

            char type = Current();
            if (type == '%')
            {
                text.Append('%');
                continue;
            }

            value = value == JinjaArguments.Absent ? Take() : value;
            string sign = signs.Contains('+') ? "+" : signs.Contains(' ') ? " " : "";
            string piece = Convert(run, value, type, precision, sign, signs.Contains('#'));
            bool left = signs.Contains('-');
            bool zero = signs.Contains('0') && !left && type is not ('s' or 'r' or 'a' or 'c');
            text.Append(Padded(run, piece, width, left ? '<' : zero ? '=' : '>', zero ? "0" : " "));
            run.Allocate(piece.Length);
        }

        return named || next == given.Count || values is JinjaDictionary
            ? text.ToString()
            : throw run.Fail("not all values are used by the format");
    }

    /// <summary>Formats with braces.</summary>
    public static object? Braces(JinjaRun run, string format, JinjaArguments arguments)
    {
        var text = new StringBuilder();
        int next = 0;
        for (int i = 0; i < format.Length; i++)
        {
            char c = format[i];
            if (c is '{' or '}' && i + 1 < format.Length && format[i + 1] == c)
            {
                text.Append(c);
                i++;
                continue;
            }

            if (c == '}')
            {
                throw run.Fail("a single '}' stands in a format");
            }

            if (c != '{')
            {
                text.Append(c);
                continue;
            }

            int end = format.IndexOf('}', i);
            if (end < 0)
            {
                throw run.Fail("a '{' in a format has no '}'");
            }

            string field = format[(i + 1)..end];
            i = end;
            int colon = field.IndexOf(':', StringComparison.Ordinal);
            string spec = colon < 0 ? "" : field[(colon + 1)..];
            string name = colon < 0 ? field : field[..colon];
            bool repr = name.EndsWith("!r", StringComparison.Ordinal);
            name = repr || name.EndsWith("!s", StringComparison.Ordinal) ? name[..^2] : name;
            object? value;
            if (name.Length == 0 || int.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out _))
            {
                int place = name.Length == 0 ? next++ : int.Parse(name, CultureInfo.InvariantCulture);
                value = place < arguments.Positional.Count
                    ? arguments.Positional[place]
                    : throw run.Fail("there are not enough values for the format");
            }
            else if (arguments.Named?.TryGetValue(name, out value) is not true)
            {
                throw run.Fail($"the format names a value '{(name.Length > 40 ? name[..40] : name)}' that is not there");
            }

            text.Append(Field(run, repr ? JinjaValue.Repr(run, value) : value, spec));
        }

        run.Allocate(text.Length);
        return text.ToString();
    }

    private static string Field(JinjaRun run, object? value, string spec)
    {
        if (spec.Length == 0)
        {
            return JinjaValue.Text(run, value);
        }

        int i = 0;
        string fill = " ";
        char align = '\0';
        if (spec.Length > 1 && spec[1] is '<' or '>' or '^' or '=')
        {
            fill = spec[..1];
            align = spec[1];
            i = 2;
        }
        else if (spec[0] is '<' or '>' or '^' or '=')
        {
            align = spec[0];
            i = 1;
        }

        string sign = i < spec.Length && spec[i] is '+' or ' ' or '-'
            ? spec[i++].ToString().Replace("-", "", StringComparison.Ordinal)
            : "";
        if (i < spec.Length && spec[i] == '0')
        {
            fill = align == '\0' ? "0" : fill;
            align = align == '\0' ? '=' : align;
            i++;
        }

        int Digits()
        {
            int start = i;
            while (i < spec.Length && char.IsAsciiDigit(spec[i]))
            {
                i++;
            }

            return i == start ? 0 : int.TryParse(spec.AsSpan(start, i - start), out int count) ? count : int.MaxValue;
        }

        int width = Digits();
        bool commas = i < spec.Length && spec[i] == ',';
        i += commas ? 1 : 0;
        int? precision = null;
        if (i < spec.Length && spec[i] == '.')
        {
            i++;
            precision = Digits();
        }

        char type = i < spec.Length ? spec[i++]
            : value is double ? (precision is null ? 'r' : 'g')
            : JinjaNumber.IsWhole(value) && value is not bool ? 'd' : 's';
        if (i < spec.Length)
        {
            throw run.Fail("a format specification is not known here");
        }

        string piece = type == '%'
            ? Convert(run, JinjaOperators.Calculate(run, "*", value, 100L), 'f', precision, sign, alternate: false) + "%"
            : Convert(run, value, type, precision, sign, alternate: false);
        if (commas)
        {
            int end = piece.IndexOf('.', StringComparison.Ordinal);
            end = end < 0 ? piece.Length : end;
            for (int at = end - 3; at > (char.IsAsciiDigit(piece[0]) ? 0 : 1); at -= 3)
            {
                piece = piece.Insert(at, ",");
            }
        }

        return Padded(run, piece, width, align != '\0' ? align : JinjaNumber.IsNumber(value) ? '>' : '<', fill);
    }

    private static string Convert(JinjaRun run, object? value, char type, int? precision, string sign, bool alternate)
    {
        if (precision > MaxWidth)
        {
            throw run.Fail($"a precision is more than {MaxWidth}");
        }

        string text;
        switch (type)
        {
            case 's':
                text = JinjaValue.Text(run, value);
                return precision is { } most ? text[..JinjaText.Unit(text, most)] : text;
            case 'r' or 'a':
                return JinjaValue.Repr(run, value);
            case 'c':
                return value as string
                    ?? (JinjaNumber.Index(value) is >= 0 and < 0xD800 and var point
                        ? ((char)point).ToString()
                        : throw run.Fail("a number is no character"));
            case 'd' or 'i' or 'u' or 'x' or 'X' or 'o' or 'b':
                BigInteger whole = Whole(run, value);
                BigInteger size = BigInteger.Abs(whole);
                text = type switch
                {
                    'x' or 'X' => size.ToString(type.ToString(), CultureInfo.InvariantCulture).TrimStart('0') is { Length: > 0 } hex
                        ? hex
                        : "0",
                    'o' => Radix(size, 8),
                    'b' => Radix(size, 2),
                    _ => size.ToString(CultureInfo.InvariantCulture),
                };
                text = (alternate && type is not ('d' or 'i' or 'u') ? "0" + type : "") + text.PadLeft(precision ?? 0, '0');
                return (whole.Sign < 0 ? "-" : sign) + text;
            case 'f' or 'F' or 'e' or 'E' or 'g' or 'G':
                double real = Real(run, value);
                text = double.IsFinite(real) ? Fixed(Math.Abs(real), type, precision ?? 6) : double.IsNaN(real) ? "nan" : "inf";
                return (double.IsNegative(real) ? "-" : sign) + text;
            default:
                throw run.Fail($"the format '{type}' is not known here");
        }
    }

    private static string Fixed(double value, char type, int precision)
    {
        string Exponential(int digits)
        {
            string[] parts = value.ToString($"E{digits}", CultureInfo.InvariantCulture).Split('E');
            int exponent = int.Parse(parts[1], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);
            char letter = char.IsUpper(type) ? 'E' : 'e';
            char sign = exponent < 0 ? '-' : '+';
            return string.Create(CultureInfo.InvariantCulture, $"{parts[0]}{letter}{sign}{Math.Abs(exponent):D2}");
        }

        switch (char.ToLowerInvariant(type))
        {
            case 'f':
                return value.ToString($"F{precision}", CultureInfo.InvariantCulture);
            case 'e':
                return Exponential(precision);
            default:
                precision = Math.Max(1, precision);
                string text = Exponential(precision - 1);
                int exponent = int.Parse(
                    text.AsSpan(text.IndexOfAny(['e', 'E']) + 1), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);
                if (exponent < -4 || exponent >= precision)
                {
                    string[] parts = text.Split('e', 'E');
                    return (parts[0].Contains('.') ? parts[0].TrimEnd('0').TrimEnd('.') : parts[0]) + text[text.IndexOfAny(['e', 'E'])..];
                }

                string plain = value.ToString($"F{precision - 1 - exponent}", CultureInfo.InvariantCulture);
                return plain.Contains('.') ? plain.TrimEnd('0').TrimEnd('.') : plain;
        }
    }

    private static string Radix(BigInteger value, int radix)
    {
        var digits = new StringBuilder();
        do
        {
            digits.Insert(0, (char)('0' + (int)(value % radix)));
            value /= radix;
        }
        while (!value.IsZero);
        return digits.ToString();
    }

    private static string Padded(JinjaRun run, string text, int width, char align, string fill)
    {
        int room = width - JinjaText.Length(text);
        if (room <= 0)
        {
            return text;
        }

        int left = align switch { '<' => 0, '^' => room / 2, _ => room };
        int signs = align == '=' && text.Length > 0 && text[0] is '-' or '+' or ' ' ? 1 : 0;
        return text[..signs] + JinjaValue.Repeat(run, fill, (long)left) + text[signs..] + JinjaValue.Repeat(run, fill, (long)(room - left));
    }

    private static BigInteger Whole(JinjaRun run, object? value) =>
        value is double real && double.IsFinite(real) ? new BigInteger(Math.Truncate(real))
        : JinjaNumber.IsWhole(value) ? JinjaNumber.Whole(value)
        : throw run.Fail($"a value of the type {JinjaValue.TypeName(value)} is no number");

    private static double Real(JinjaRun run, object? value) =>
        JinjaNumber.IsNumber(value)
            ? JinjaNumber.Real(value)
            : throw run.Fail($"a value of the type {JinjaValue.TypeName(value)} is no number");
}
