using System.Collections.Immutable;
using System.Globalization;
using Kernels.Compiler.Specs;
using Kernels.Generators.Mods;
using Microsoft.CodeAnalysis;

namespace Kernels.Generators.Diagnostics;

/// <summary>How a diagnostic tells the code fix what would mend it: as properties, which are text.</summary>
internal static class DiagnosticFix
{
    /// <summary>The option at fault.</summary>
    public const string Option = "Option";

    /// <summary>A modifier that the type should lose.</summary>
    public const string Unwanted = "Unwanted";

    private const string Fix = "Fix";

    private const string ModKind = "ModFix", ModText = "ModText";

    public static ImmutableDictionary<string, string?> Properties(SpecFinding finding)
    {
        ImmutableDictionary<string, string?>.Builder properties = ImmutableDictionary.CreateBuilder<string, string?>();
        properties.Add(Option, finding.Option);
        for (int i = 0; i < finding.Fixes.Count; i++)
        {
            properties.Add(Fix + i.ToString(CultureInfo.InvariantCulture), finding.Fixes[i].Serialize());
        }

        return properties.ToImmutable();
    }

    public static ImmutableDictionary<string, string?> Properties(TypeFinding finding) => finding.Unwanted is null
        ? ImmutableDictionary<string, string?>.Empty
        : ImmutableDictionary<string, string?>.Empty.Add(Unwanted, finding.Unwanted);

    public static ImmutableDictionary<string, string?> Properties(ModFinding finding) => finding.Fix is { } fix
        ? ImmutableDictionary<string, string?>.Empty.Add(ModKind, fix.Kind).Add(ModText, fix.Text)
        : ImmutableDictionary<string, string?>.Empty;

    /// <summary>What would mend a finding on a mod, or null.</summary>
    public static ModFix? OfMod(Diagnostic diagnostic) => diagnostic.Properties.TryGetValue(ModKind, out string? kind)
        ? new ModFix(kind!, diagnostic.Properties[ModText]!)
        : null;

    /// <summary>The changes to the attribute that would each keep the rule, in the validator's order.</summary>
    public static IEnumerable<SpecFix> Fixes(Diagnostic diagnostic)
    {
        for (int i = 0; diagnostic.Properties.TryGetValue(Fix + i.ToString(CultureInfo.InvariantCulture), out string? text); i++)
        {
            yield return SpecFix.Parse(text!);
        }
    }
}
