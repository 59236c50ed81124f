using System.Globalization;

namespace Kernels.Decoding;

/// <summary>Sets of code points by the names that regular expressions have for them.</summary>
internal static class UnicodeProperties
{
    private static readonly Dictionary<string, UnicodeCategory> Categories = new(StringComparer.OrdinalIgnoreCase)
    {
        ["Lu"] = UnicodeCategory.UppercaseLetter,
        ["Ll"] = UnicodeCategory.LowercaseLetter,
        ["Lt"] = UnicodeCategory.TitlecaseLetter,
        ["Lm"] = UnicodeCategory.ModifierLetter,
        ["Lo"] = UnicodeCategory.OtherLetter,
        ["Mn"] = UnicodeCategory.NonSpacingMark,
        ["Mc"] = UnicodeCategory.SpacingCombiningMark,
        ["Me"] = UnicodeCategory.EnclosingMark,
        ["Nd"] = UnicodeCategory.DecimalDigitNumber,
        ["Nl"] = UnicodeCategory.LetterNumber,
        ["No"] = UnicodeCategory.OtherNumber,
        ["Pc"] = UnicodeCategory.ConnectorPunctuation,
        ["Pd"] = UnicodeCategory.DashPunctuation,
        ["Ps"] = UnicodeCategory.OpenPunctuation,
        ["Pe"] = UnicodeCategory.ClosePunctuation,
        ["Pi"] = UnicodeCategory.InitialQuotePunctuation,
        ["Pf"] = UnicodeCategory.FinalQuotePunctuation,
        ["Po"] = UnicodeCategory.OtherPunctuation,
        ["Sm"] = UnicodeCategory.MathSymbol,
        ["Sc"] = UnicodeCategory.CurrencySymbol,
        ["Sk"] = UnicodeCategory.ModifierSymbol,
        ["So"] = UnicodeCategory.OtherSymbol,
        ["Zs"] = UnicodeCategory.SpaceSeparator,
        ["Zl"] = UnicodeCategory.LineSeparator,
        ["Zp"] = UnicodeCategory.ParagraphSeparator,
        ["Cc"] = UnicodeCategory.Control,
        ["Cf"] = UnicodeCategory.Format,
        ["Cs"] = UnicodeCategory.Surrogate,
        ["Co"] = UnicodeCategory.PrivateUse,
        ["Cn"] = UnicodeCategory.OtherNotAssigned,
    };

    private static readonly Dictionary<string, CodePointSet> Scripts = new(StringComparer.OrdinalIgnoreCase)
    {
        ["Han"] = new(p => p is (>= 0x2E80 and <= 0x2E99) or (>= 0x2E9B and <= 0x2EF3) or (>= 0x2F00 and <= 0x2FD5) or 0x3005 or 0x3007
            or (>= 0x3021 and <= 0x3029) or (>= 0x3038 and <= 0x303B) or (>= 0x3400 and <= 0x4DBF) or (>= 0x4E00 and <= 0x9FFF)
            or (>= 0xF900 and <= 0xFA6D) or (>= 0xFA70 and <= 0xFAD9) or 0x16FE2 or 0x16FE3 or 0x16FF0 or 0x16FF1
            or (>= 0x20000 and <= 0x2A6DF) or (>= 0x2A700 and <= 0x2EBE0) or (>= 0x2F800 and <= 0x2FA1D) or (>= 0x30000 and <= 0x3134A)),
        ["Hiragana"] = new(p => p is (>= 0x3041 and <= 0x3096) or (>= 0x309D and <= 0x309F) or (>= 0x1B001 and <= 0x1B11F)
            or (>= 0x1B150 and <= 0x1B152) or 0x1F200),
        ["Katakana"] = new(p => p is (>= 0x30A1 and <= 0x30FA) or (>= 0x30FD and <= 0x30FF) or (>= 0x31F0 and <= 0x31FF)
            or (>= 0x32D0 and <= 0x32FE) or (>= 0x3300 and <= 0x3357) or (>= 0xFF66 and <= 0xFF6F) or (>= 0xFF71 and <= 0xFF9D)
            or (>= 0x1AFF0 and <= 0x1AFFE) or 0x1B000 or (>= 0x1B120 and <= 0x1B122) or (>= 0x1B164 and <= 0x1B167)),
        ["Hangul"] = new(p => p is (>= 0x1100 and <= 0x11FF) or 0x302E or 0x302F or (>= 0x3131 and <= 0x318E) or (>= 0x3200 and <= 0x321E)
            or (>= 0x3260 and <= 0x327E) or (>= 0xA960 and <= 0xA97C) or (>= 0xAC00 and <= 0xD7A3) or (>= 0xD7B0 and <= 0xD7C6)
            or (>= 0xD7CB and <= 0xD7FB) or (>= 0xFFA0 and <= 0xFFBE) or (>= 0xFFC2 and <= 0xFFDC)),
    };

    /// <summary>A general category, a group of them, or one of a few scripts; null for a name that is not known.</summary>
    public static CodePointSet? Find(string name)
    {
        string key = name.Replace("_", "", StringComparison.Ordinal).Replace(" ", "", StringComparison.Ordinal);
        if (Categories.TryGetValue(key, out UnicodeCategory category))
        {
            return CodePointSet.OfCategories(category);
        }

        if (Scripts.TryGetValue(key.StartsWith("Script=", StringComparison.OrdinalIgnoreCase) ? key[7..] : key, out CodePointSet? script))
        {
            return script;
        }

        return key.ToUpperInvariant() switch
        {
            "L" or "LETTER" => CodePointSet.Letters,
            "M" or "MARK" or "COMBININGMARK" => CodePointSet.Marks,
            "N" or "NUMBER" => CodePointSet.Numbers,
            "P" or "PUNCTUATION" => CodePointSet.Punctuation,
            "S" or "SYMBOL" => CodePointSet.Symbols,
            "Z" or "SEPARATOR" => CodePointSet.OfCategories(
                UnicodeCategory.SpaceSeparator, UnicodeCategory.LineSeparator, UnicodeCategory.ParagraphSeparator),
            "C" or "OTHER" => CodePointSet.OfCategories(
                UnicodeCategory.Control, UnicodeCategory.Format, UnicodeCategory.Surrogate, UnicodeCategory.PrivateUse,
                UnicodeCategory.OtherNotAssigned),
            "ANY" => new CodePointSet(static _ => true),
            "ASCII" => new CodePointSet(static p => p < 128),
            "WORD" => CodePointSet.WordCharacters,
            "SPACE" or "WHITESPACE" => CodePointSet.WhiteSpace,
            "ALPHABETIC" => FindNamedClass("alpha"),
            _ => FindNamedClass(key.ToLowerInvariant()),
        };
    }

    /// <summary>A class that stands as [:name:].</summary>
    public static CodePointSet? FindNamedClass(string name) => name switch
    {
        "alpha" => new CodePointSet(static p => CodePointSet.WordCharacters.Contains(p) && !CodePointSet.Digits.Contains(p)
            && CharUnicodeInfo.GetUnicodeCategory(
                p) is not (UnicodeCategory.ConnectorPunctuation or UnicodeCategory.NonSpacingMark or UnicodeCategory.EnclosingMark)),
        "alnum" => FindNamedClass("alpha")!.Union(CodePointSet.Digits),
        "digit" => CodePointSet.Digits,
        "space" => CodePointSet.WhiteSpace,
        "blank" => CodePointSet.OfCategories(UnicodeCategory.SpaceSeparator).Union(new CodePointSet(static p => p == '\t')),
        "punct" => CodePointSet.Punctuation.Union(
            new CodePointSet(static p => p is '$' or '+' or '<' or '=' or '>' or '^' or '`' or '|' or '~')),
        "upper" => CodePointSet.OfCategories(UnicodeCategory.UppercaseLetter),
        "lower" => CodePointSet.OfCategories(UnicodeCategory.LowercaseLetter),
        "cntrl" => CodePointSet.OfCategories(UnicodeCategory.Control),
        "word" => CodePointSet.WordCharacters,
        "xdigit" => new CodePointSet(static p => p < 128 && char.IsAsciiHexDigit((char)p)),
        "ascii" => new CodePointSet(static p => p < 128),
        _ => null,
    };
}
