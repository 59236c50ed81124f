using System.Globalization;

namespace Kernels.Compiler.Specs;

/// <summary>What is found wrong with a spec, and the checks that several of its values have.</summary>
internal sealed class SpecReport
{
    private readonly List<SpecFinding> findings = [];

    /// <summary>The findings so far.</summary>
    public IReadOnlyList<SpecFinding> Findings => findings;

    /// <summary>Adds a finding.</summary>
    public void Add(SpecRule rule, string option, IEnumerable<SpecFix> fixes, params string[] arguments) =>
        findings.Add(new SpecFinding(rule, option, new EquatableArray<string>(arguments), new EquatableArray<SpecFix>(fixes)));

    /// <summary>Whether a number lies in a range.</summary>
    public bool IsInRange(int value, int min, int max, SpecRule rule, string option, SpecFix? fix = null)
    {
        if (value >= min && value <= max)
        {
            return true;
        }

        Add(rule, option, [fix ?? SpecFix.Set(option, Text(value < min ? min : max))], Text(value), Text(min), Text(max));
        return false;
    }

    /// <summary>Whether a number is one of keys beside a query, or none.</summary>
    public bool IsWindow(int value, string option)
    {
        if (value is >= -1 and <= SpecLimits.MaxWindow)
        {
            return true;
        }

        Add(SpecRules.WindowRange, option, [SpecFix.LeaveOut(option)], option, Text(value), Text(SpecLimits.MaxWindow));
        return false;
    }

    /// <summary>Whether a value is one of its enum's; <paramref name="offered"/> tells which of those are named in what mends it.</summary>
    public bool IsDefined<T>(T value, string option, Func<T, bool>? offered = null) where T : struct, Enum
    {
        if (Enum.IsDefined(typeof(T), value))
        {
            return true;
        }

        string[] names = Enum.GetNames(typeof(T)).Where(name => offered is null || offered((T)Enum.Parse(typeof(T), name))).ToArray();
        Add(SpecRules.UndefinedOption, option,
            names.Select(name => SpecFix.Set(option, $"{typeof(T).Name}.{name}")).Concat([SpecFix.LeaveOut(option)]),
            option, Convert.ToInt32(value, CultureInfo.InvariantCulture).ToString(CultureInfo.InvariantCulture),
            typeof(T).Name, string.Join(", ", names));
        return false;
    }

    public static string Text(int value) => value.ToString(CultureInfo.InvariantCulture);

    public static string Text(double value) => value.ToString("G9", CultureInfo.InvariantCulture);
}
