using System.Collections.Immutable;
using Kernels.Compiler.Specs;
using Kernels.Generators.Parsing;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Diagnostics;

namespace Kernels.Generators.Diagnostics;

/// <summary>Shows what is wrong with a spec, or with the type that carries it, where it is written.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
public sealed class AttentionSpecAnalyzer : DiagnosticAnalyzer
{
    /// <inheritdoc/>
    public override ImmutableArray<DiagnosticDescriptor> SupportedDiagnostics { get; } = RuleDescriptors.All.ToImmutableArray();

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
        if (SpecParser.FindAttribute(type) is not { ApplicationSyntaxReference: { } reference } attribute
            || reference.GetSyntax(context.CancellationToken) is not AttributeSyntax syntax)
        {
            return;
        }

        foreach (TypeFinding finding in TypeChecker.Check(type, attribute, context.CancellationToken))
        {
            Report(finding.Rule, Place(finding.At, syntax), DiagnosticFix.Properties(finding), finding.TypeName, finding.Subject);
        }

        if (!SpecParser.HasRuntime(context.Compilation))
        {
            Report(TypeRules.NoRuntime, syntax.GetLocation(), ImmutableDictionary<string, string?>.Empty, type.Name);
        }

        if (SpecParser.ParseSpec(type, attribute) is not { } spec)
        {
            return;
        }

        foreach (SpecFinding finding in SpecValidator.Validate(spec))
        {
            Report(
                finding.Rule, (AttributeArguments.Find(syntax, finding.Option) ?? (SyntaxNode)syntax).GetLocation(),
                DiagnosticFix.Properties(finding), finding.Arguments.ToObjects());
        }

        // Code that another tool wrote is not the user's to polish, but its specs must be right too.
        void Report(SpecRule rule, Location at, ImmutableDictionary<string, string?> properties, params object[] arguments)
        {
            if (rule.Severity == RuleSeverity.Error || !context.IsGeneratedCode)
            {
                context.ReportDiagnostic(Diagnostic.Create(RuleDescriptors.Of(rule), at, properties, arguments));
            }
        }
    }

    /// <summary>The name in a symbol's declaration; of several parts, in the one with the attribute.</summary>
    private static Location Place(ISymbol symbol, AttributeSyntax attribute)
    {
        TypeDeclarationSyntax? declaration = attribute.Ancestors().OfType<TypeDeclarationSyntax>().FirstOrDefault(
            candidate => symbol is INamedTypeSymbol && candidate.Identifier.ValueText == symbol.Name
                && symbol.DeclaringSyntaxReferences.Any(part => part.SyntaxTree == candidate.SyntaxTree && part.Span == candidate.Span));
        return declaration?.Identifier.GetLocation() ?? symbol.Locations.FirstOrDefault() ?? attribute.GetLocation();
    }
}
