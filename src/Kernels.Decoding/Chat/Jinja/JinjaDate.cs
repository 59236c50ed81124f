using System.Globalization;
using System.Text;

namespace Kernels.Decoding;

/// <summary>Dates as Python's <c>strftime</c> writes them, in English.</summary>
internal static class JinjaDate
{
    public static string Format(JinjaRun run, DateTime time, string format)
    {
        var text = new StringBuilder();
        for (int i = 0; i < format.Length; i++)
        {
            if (format[i] != '%' || i + 1 == format.Length)
            {
                text.Append(format[i]);
                continue;
            }

            char c = format[++i];
            bool unpadded = c == '-' && i + 1 < format.Length;
            string piece = Piece(unpadded ? format[++i] : c, time);
            text.Append(unpadded && piece.TrimStart('0', ' ') is { Length: > 0 } trimmed ? trimmed : unpadded ? "0" : piece);
        }

        run.Allocate(text.Length);
        return text.ToString();
    }

    private static string Piece(char c, DateTime time)
    {
        string Written(string format) => time.ToString(format, CultureInfo.InvariantCulture);
        string Number(int value, int width) => value.ToString(CultureInfo.InvariantCulture).PadLeft(width, '0');
        int weekday = (int)time.DayOfWeek;
        return c switch
        {
            'Y' => Written("yyyy"),
            'y' => Written("yy"),
            'C' => Number(time.Year / 100, 2),
            'm' => Written("MM"),
            'B' => Written("MMMM"),
            'b' or 'h' => Written("MMM"),
            'd' => Written("dd"),
            'e' => Number(time.Day, 1).PadLeft(2),
            'j' => Number(time.DayOfYear, 3),
            'A' => Written("dddd"),
            'a' => Written("ddd"),
            'w' => Number(weekday, 1),
            'u' => Number(weekday == 0 ? 7 : weekday, 1),
            'U' => Number((time.DayOfYear + 6 - weekday) / 7, 2),
            'W' => Number((time.DayOfYear + 6 - ((weekday + 6) % 7)) / 7, 2),
            'V' => Number(ISOWeek.GetWeekOfYear(time), 2),
            'G' => Number(ISOWeek.GetYear(time), 4),
            'H' => Written("HH"),
            'I' => Written("hh"),
            'M' => Written("mm"),
            'S' => Written("ss"),
            'p' => time.Hour < 12 ? "AM" : "PM",
            'f' => Written("ffffff"),
            'F' => Written("yyyy-MM-dd"),
            'T' or 'X' => Written("HH:mm:ss"),
            'R' => Written("HH:mm"),
            'D' or 'x' => Written("MM'/'dd'/'yy"),
            'c' => Written("ddd MMM ") + Number(time.Day, 1).PadLeft(2) + Written(" HH:mm:ss yyyy"),
            'z' or 'Z' => "",
            'n' => "\n",
            't' => "\t",
            '%' => "%",
            _ => "%" + c,
        };
    }
}
