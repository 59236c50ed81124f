using System.Collections.Immutable;
using System.Globalization;
using Kernels.Compiler.Specs;
using Kernels.Generators.Parsing;
using Kernels.Generators.Writing;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Diagnostics;

namespace Kernels.Generators.Diagnostics;

/// <summary>Tells at a spec what a token of it costs. Off unless an <c>.editorconfig</c> turns it on.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
public sealed class AttentionCostAnalyzer : DiagnosticAnalyzer
{
    private static readonly DiagnosticDescriptor TokenCost = RuleDescriptors.Describe(SpecRule.OnRequest("KA0401", "Cost of a token",
        "{0}: a token takes {1} bytes in the cache of one layer, and a query {2} FLOPs for each key that it sees; "
            + "decoding does {3} FLOPs for each byte of the cache"));

    /// <inheritdoc/>
    public override ImmutableArray<DiagnosticDescriptor> SupportedDiagnostics { get; } = ImmutableArray.Create(TokenCost);

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
        if (SpecParser.FindAttribute(type) is not { ApplicationSyntaxReference: { } reference } attribute
            || reference.GetSyntax(context.CancellationToken) is not AttributeSyntax syntax
            || SpecParser.ParseSpec(type, attribute) is not { } spec
            || SpecValidator.Validate(spec).Any(finding => finding.Rule.Severity == RuleSeverity.Error))
        {
            return;
        }

        long bytes = CacheLayoutWriter.BytesPerToken(spec);
        long flops = SpecWriter.FlopsPerQueryAndKey(spec);
        context.ReportDiagnostic(Diagnostic.Create(TokenCost, syntax.GetLocation(),
            type.Name, Text(bytes), Text(flops), ((double)flops / bytes).ToString("G3", CultureInfo.InvariantCulture)));
    }

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);
}
