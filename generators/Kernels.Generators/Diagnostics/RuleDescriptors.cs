using Kernels.Compiler.Specs;
using Microsoft.CodeAnalysis;

namespace Kernels.Generators.Diagnostics;

/// <summary>The rules as Roslyn knows them.</summary>
internal static class RuleDescriptors
{
    public const string Category = "Kernels.Attention";

    // Where the pages of docs/ are published. Empty, since no address outlives a package's versions as its own docs folder does:
    // the help link is left out then.
    private const string HelpBase = "";

    private static readonly Dictionary<string, DiagnosticDescriptor> ById =
        TypeRules.All.Concat(SpecRules.All).ToDictionary(rule => rule.Id, Describe);

    public static IEnumerable<DiagnosticDescriptor> All => ById.Values;

    public static DiagnosticDescriptor Of(SpecRule rule) => ById[rule.Id];

    // What the generator emits while there is an error does not run, so that turning one off would only hide why.
    public static DiagnosticDescriptor Describe(SpecRule rule) => new(
        rule.Id,
        rule.Title,
        rule.Message,
        Category,
        rule.Severity switch
        {
            RuleSeverity.Error => DiagnosticSeverity.Error,
            RuleSeverity.Warning => DiagnosticSeverity.Warning,
            _ => DiagnosticSeverity.Info,
        },
        isEnabledByDefault: rule.Severity != RuleSeverity.OnRequest,
        helpLinkUri: HelpBase.Length == 0 ? null : HelpBase + rule.Id + ".md",
        customTags: rule.Severity switch
        {
            RuleSeverity.Error => [WellKnownDiagnosticTags.NotConfigurable],
            RuleSeverity.Info => [WellKnownDiagnosticTags.Unnecessary],
            _ => [],
        });
}
