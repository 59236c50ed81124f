using System.Collections.Immutable;
using Kernels.Compiler.Specs;
using Kernels.Generators.Diagnostics;
using Kernels.Generators.Parsing;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;

namespace Kernels.Generators.Mods;

/// <summary>Shows what is wrong with a mod, on the expression that cannot be translated.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
public sealed class ModAnalyzer : DiagnosticAnalyzer
{
    private static readonly IReadOnlyDictionary<string, DiagnosticDescriptor> ById =
        ModRules.All.ToDictionary(rule => rule.Id, RuleDescriptors.Describe);

    /// <inheritdoc/>
    public override ImmutableArray<DiagnosticDescriptor> SupportedDiagnostics { get; } =
        ModRules.All.Select(rule => ById[rule.Id]).ToImmutableArray();

    /// <inheritdoc/>
    public override void Initialize(AnalysisContext context)
    {
        context.EnableConcurrentExecution();
        context.ConfigureGeneratedCodeAnalysis(GeneratedCodeAnalysisFlags.Analyze | GeneratedCodeAnalysisFlags.ReportDiagnostics);
        context.RegisterSymbolAction(Analyze, SymbolKind.NamedType);
    }

    private static void Analyze(SymbolAnalysisContext context)
    {
        var type = (INamedTypeSymbol)context.Symbol;
        if (SpecParser.FindAttribute(type) is { } attribute)
        {
            if (SpecParser.ParseSpec(type, attribute) is not { } spec)
            {
                return;
            }

            IReadOnlyList<ModFinding> findings = ModReader.Read(type, spec, context.Compilation, context.CancellationToken).Findings;
            foreach (ModFinding finding in findings)
            {
                Report(finding);
            }

            if (findings.Count == 0
                && type.GetMembers().OfType<IMethodSymbol>()
                    .FirstOrDefault(method => ModKind.All.Any(kind => kind.IsOn(method))) is { } unread
                && SpecParser.IsBroken(type)
                && !SpecValidator.Validate(spec).Any(finding => finding.Rule.Severity == RuleSeverity.Error)
                && !ModReader.HasErrors(type, context.Compilation, context.CancellationToken))
            {
                // The generator has not seen what this compilation has.
                Report(new(ModRules.Construct, unread.Locations[0],
                    $"{unread.Name}, with a name in it that is not in the source,", "write here what another generator writes"));
            }

            return;
        }

        foreach (IMethodSymbol method in type.GetMembers().OfType<IMethodSymbol>())
        {
            foreach (ModKind kind in ModKind.All.Where(kind => kind.IsOn(method)))
            {
                Report(new(ModRules.NoSpec, method.Locations[0], method.Name, kind.AttributeName, type.Name));
            }
        }

        void Report(ModFinding finding)
        {
            if (finding.Rule.Severity == RuleSeverity.Error || !context.IsGeneratedCode)
            {
                context.ReportDiagnostic(Diagnostic.Create(
                    ById[finding.Rule.Id], finding.At, DiagnosticFix.Properties(finding), finding.Arguments.ToObjects()));
            }
        }
    }
}
