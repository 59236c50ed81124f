using System.Globalization;
using System.Text;

namespace Kernels.Decoding;

/// <summary>A set of code points. Which of a page of 4096 are in it is asked once. Thread-safe.</summary>
internal sealed class CodePointSet(Func<int, bool> contains)
{
    private const int PageSize = 4096;
    private readonly ulong[]?[] pages = new ulong[]?[0x110000 / PageSize];

    public static CodePointSet WhiteSpace { get; } = new(IsWhiteSpace);

    public static CodePointSet Digits { get; } = OfCategories(UnicodeCategory.DecimalDigitNumber);

    public static CodePointSet Numbers { get; } =
        OfCategories(UnicodeCategory.DecimalDigitNumber, UnicodeCategory.LetterNumber, UnicodeCategory.OtherNumber);

    public static CodePointSet Letters { get; } = OfCategories(
        UnicodeCategory.UppercaseLetter, UnicodeCategory.LowercaseLetter, UnicodeCategory.TitlecaseLetter,
        UnicodeCategory.ModifierLetter, UnicodeCategory.OtherLetter);

    public static CodePointSet Marks { get; } =
        OfCategories(UnicodeCategory.NonSpacingMark, UnicodeCategory.SpacingCombiningMark, UnicodeCategory.EnclosingMark);

    public static CodePointSet Punctuation { get; } = OfCategories(
        UnicodeCategory.ConnectorPunctuation, UnicodeCategory.DashPunctuation, UnicodeCategory.OpenPunctuation,
        UnicodeCategory.ClosePunctuation,
        UnicodeCategory.InitialQuotePunctuation, UnicodeCategory.FinalQuotePunctuation, UnicodeCategory.OtherPunctuation);

    public static CodePointSet Symbols { get; } = OfCategories(
        UnicodeCategory.MathSymbol, UnicodeCategory.CurrencySymbol, UnicodeCategory.ModifierSymbol, UnicodeCategory.OtherSymbol);

    /// <summary>
    /// What words are made of: letters, marks, digits and numbers that are letters, connectors, and letters in circles and squares.
    /// </summary>
    public static CodePointSet WordCharacters { get; } = new(point =>
        Letters.Contains(point) || Marks.Contains(point) || Digits.Contains(point)
        || CategoryOf(point) is UnicodeCategory.LetterNumber or UnicodeCategory.ConnectorPunctuation
        || point is (>= 0x24B6 and <= 0x24E9) or (>= 0x1F130 and <= 0x1F149) or (>= 0x1F150 and <= 0x1F169) or (>= 0x1F170 and <= 0x1F189));

    public static CodePointSet OfCategories(params UnicodeCategory[] categories)
    {
        int mask = categories.Aggregate(0, (bits, category) => bits | 1 << (int)category);
        return new CodePointSet(point => (mask >> (int)CategoryOf(point) & 1) != 0);
    }

    /// <summary>The only code point of the set, of one that was made of one.</summary>
    public int? Single { get; private init; }

    public static CodePointSet Of(int point) => new(p => p == point) { Single = point };

    public bool Contains(int point)
    {
        ulong[] page = pages[point / PageSize] ?? Fill(point / PageSize);
        return (page[(point % PageSize) >> 6] >> (point & 63) & 1) != 0;
    }

    public CodePointSet Complement() => new(point => !Contains(point));

    public CodePointSet Union(CodePointSet other) => new(point => Contains(point) || other.Contains(point));

    public CodePointSet Intersection(CodePointSet other) => new(point => Contains(point) && other.Contains(point));

    /// <summary>With every code point those that are equal to it but for their case.</summary>
    public CodePointSet IgnoreCase() => new(point => CaseVariants(point).Any(Contains));

    /// <summary>The code points that are equal to one but for their case, with itself.</summary>
    public static IEnumerable<int> CaseVariants(int point)
    {
        yield return point;
        if (!Rune.IsValid(point))
        {
            yield break;
        }

        int lower = Rune.ToLowerInvariant(new Rune(point)).Value;
        int upper = Rune.ToUpperInvariant(new Rune(point)).Value;
        yield return lower;
        yield return upper;

        // The long s and the signs of Kelvin and Ångström share a case with letters whose other case they are not.
        (int Sign, int Letter)? sign = lower switch
        {
            's' or '\u017F' => (0x17F, 's'),
            'k' => (0x212A, 'k'),
            0xE5 => (0x212B, 0xE5),
            _ => null,
        };
        if (sign is { } pair)
        {
            yield return pair.Sign;
            yield return pair.Letter;
            yield return Rune.ToUpperInvariant(new Rune(pair.Letter)).Value;
        }
    }

    private static bool IsWhiteSpace(int point) => point < 0x10000 && char.IsWhiteSpace((char)point);

    private static UnicodeCategory CategoryOf(int point) => CharUnicodeInfo.GetUnicodeCategory(point);

    private ulong[] Fill(int index)
    {
        var page = new ulong[PageSize / 64];
        for (int i = 0; i < PageSize; i++)
        {
            if (contains(index * PageSize + i))
            {
                page[i >> 6] |= 1ul << (i & 63);
            }
        }

        pages[index] = page;
        return page;
    }
}
