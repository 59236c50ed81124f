using System.Globalization;
using System.Text;

namespace Kernels.Decoding;

/// <summary>
/// Unicode normalization in linear time, whatever the culture data of the machine: .NET's own leaves text as it is where there is
/// none, and takes quadratic time for long runs of combining marks.
/// </summary>
internal static class UnicodeNormalizer
{
    private const int HangulBase = 0xAC00;
    private const int HangulCount = 11172;
    private const int LeadBase = 0x1100;
    private const int LeadCount = 19;
    private const int VowelBase = 0x1161;
    private const int VowelCount = 21;
    private const int TailBase = 0x11A7;
    private const int TailCount = 28;

    private static readonly Lazy<Tables> Data = new(Tables.Read);

    /// <summary>The text in one of the four normalization forms.</summary>
    public static string Normalize(string text, NormalizationForm form)
    {
        // Nothing below is changed by composition, and nothing in ASCII by any form.
        bool composed = form is NormalizationForm.FormC or NormalizationForm.FormKC;
        char unchanged = form == NormalizationForm.FormC ? '\u0300' : '\u0080';
        if (text.AsSpan().IndexOfAnyExceptInRange('\0', (char)(unchanged - 1)) < 0)
        {
            return text;
        }

        Tables tables = Data.Value;
        bool compatible = form is NormalizationForm.FormKC or NormalizationForm.FormKD;
        var points = new List<int>(text.Length + 16);
        foreach (Rune rune in text.EnumerateRunes())
        {
            Decompose(tables, rune.Value, compatible, points);
        }

        Order(tables, points);
        if (composed)
        {
            Compose(tables, points);
        }

        var result = new StringBuilder(points.Count);
        Span<char> units = stackalloc char[2];
        foreach (int point in points)
        {
            result.Append(units[..new Rune(point).EncodeToUtf16(units)]);
        }

        return result.ToString();
    }

    private static void Decompose(Tables tables, int point, bool compatible, List<int> output)
    {
        if (point < 0xA0)
        {
            output.Add(point);
        }
        else if ((uint)(point - HangulBase) < HangulCount)
        {
            int index = point - HangulBase;
            output.Add(LeadBase + index / (VowelCount * TailCount));
            output.Add(VowelBase + index % (VowelCount * TailCount) / TailCount);
            if (index % TailCount != 0)
            {
                output.Add(TailBase + index % TailCount);
            }
        }
        else if ((compatible && tables.Compatible.TryGetValue(point, out int[]? parts)) || tables.Canonical.TryGetValue(point, out parts))
        {
            output.AddRange(parts);
        }
        else
        {
            output.Add(point);
        }
    }

    /// <summary>Puts each run of combining marks in the order of their classes, equal ones as they were.</summary>
    private static void Order(Tables tables, List<int> points)
    {
        int start = 0;
        while (start < points.Count)
        {
            if (tables.ClassOf(points[start]) == 0)
            {
                start++;
                continue;
            }

            int end = start + 1;
            bool ordered = true;
            for (; end < points.Count && tables.ClassOf(points[end]) is var mark and not 0; end++)
            {
                ordered &= tables.ClassOf(points[end - 1]) <= mark;
            }

            if (!ordered)
            {
                int[] sorted = [.. points.GetRange(start, end - start).OrderBy(tables.ClassOf)];
                for (int i = 0; i < sorted.Length; i++)
                {
                    points[start + i] = sorted[i];
                }
            }

            start = end;
        }
    }

    private static void Compose(Tables tables, List<int> points)
    {
        int starter = -1;
        int last = 0;
        int written = 0;
        for (int read = 0; read < points.Count; read++)
        {
            int point = points[read];
            int mark = tables.ClassOf(point);

            // A mark composes unless one of its class or of a higher one, or another starter, stands between.
            bool blocked = starter < written - 1 && (last == 0 || last >= mark);
            if (starter >= 0 && !blocked && Pair(tables, points[starter], point) is { } pair)
            {
                points[starter] = pair;
                continue;
            }

            if (mark == 0)
            {
                starter = written;
            }

            last = mark;
            points[written++] = point;
        }

        points.RemoveRange(written, points.Count - written);
    }

    private static int? Pair(Tables tables, int first, int second)
    {
        if ((uint)(first - LeadBase) < LeadCount && (uint)(second - VowelBase) < VowelCount)
        {
            return HangulBase + ((first - LeadBase) * VowelCount + second - VowelBase) * TailCount;
        }

        if ((uint)(first - HangulBase) < HangulCount && (first - HangulBase) % TailCount == 0 && second > TailBase
            && second < TailBase + TailCount)
        {
            return first + second - TailBase;
        }

        return tables.Pairs.TryGetValue((first, second), out int composed) ? composed : null;
    }

    private sealed class Tables
    {
        private readonly Dictionary<int, byte> classes = [];

        public Dictionary<int, int[]> Canonical { get; } = [];

        public Dictionary<int, int[]> Compatible { get; } = [];

        public Dictionary<(int First, int Second), int> Pairs { get; } = [];

        public int ClassOf(int point) => point >= 0x300 && classes.TryGetValue(point, out byte value) ? value : 0;

        public static Tables Read()
        {
            var tables = new Tables();
            var pairs = new List<(int Point, int First, int Second)>();
            using Stream stream = typeof(UnicodeNormalizer).Assembly.GetManifestResourceStream("normalization.txt")!;
            using var reader = new StreamReader(stream);
            while (reader.ReadLine() is { } line)
            {
                string[] fields = line.Split(' ');
                switch (fields[0])
                {
                    case "c":
                        byte value = byte.Parse(fields[1], CultureInfo.InvariantCulture);
                        foreach (string range in fields[2..])
                        {
                            string[] ends = range.Split('-');
                            for (int point = Hex(ends[0]); point <= Hex(ends[^1]); point++)
                            {
                                tables.classes[point] = value;
                            }
                        }

                        break;
                    case "d":
                        pairs.Add((Hex(fields[1]), Hex(fields[2]), Hex(fields[3])));
                        if (fields.Length > 4)
                        {
                            tables.Pairs[(Hex(fields[2]), Hex(fields[3]))] = Hex(fields[1]);
                        }

                        break;
                    case "s":
                        tables.Canonical[Hex(fields[1])] = [.. fields[2..].Select(Hex)];
                        break;
                    case "k":
                        tables.Compatible[Hex(fields[1])] = [.. fields[2..].Select(Hex)];
                        break;
                }
            }

            Dictionary<int, (int First, int Second)> firsts = pairs.ToDictionary(p => p.Point, p => (p.First, p.Second));
            foreach ((int point, int first, int second) in pairs)
            {
                tables.Canonical[point] = [.. Whole(first), second];
            }

            return tables;

            IEnumerable<int> Whole(int point) => firsts.TryGetValue(point, out (int First, int Second) pair)
                ? [.. Whole(pair.First), pair.Second]
                : tables.Canonical.TryGetValue(point, out int[]? whole) ? whole : [point];
        }

        private static int Hex(string text) => int.Parse(text, NumberStyles.HexNumber, CultureInfo.InvariantCulture);
    }
}
