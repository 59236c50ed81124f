using System.Collections.Immutable;
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
        context.ConfigureGeneratedCodeAnalysis(GeneratedCodeAnalysisFlags.None);
        context.RegisterSymbolAction(Analyze, SymbolKind.NamedType);
    }

    private static void Analyze(SymbolAnalysisContext context)
    {
        var type = (INamedTypeSymbol)context.Symbol;
        if (SpecParser.FindAttribute(type) is { } attribute)
        {
            if (SpecParser.ParseSpec(type, attribute) is { } spec)
            {
                foreach (ModFinding finding in ModReader.Read(type, spec, context.Compilation, context.CancellationToken).Findings)
                {
                    Report(finding);
                }
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

        void Report(ModFinding finding) =>
            context.ReportDiagnostic(Diagnostic.Create(ById[finding.Rule.Id], finding.At, finding.Arguments.ToObjects()));
    }
}
