using System.Collections.Immutable;
using Kernels.Compiler.Specs;
using Kernels.Generators.Diagnostics;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CodeActions;
using Microsoft.CodeAnalysis.CodeFixes;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Editing;

namespace Kernels.CodeFixes;

/// <summary>Offers what mends a finding of <see cref="AttentionSpecAnalyzer"/>: a modifier, or another value for an option.</summary>
[ExportCodeFixProvider(LanguageNames.CSharp, Name = nameof(AttentionSpecCodeFixProvider))]
public sealed class AttentionSpecCodeFixProvider : CodeFixProvider
{
    private const string MakePartial = "MakePartial";
    private const string RemoveModifier = "RemoveModifier";

    /// <inheritdoc/>
    public override ImmutableArray<string> FixableDiagnosticIds { get; } = SpecRules.All
        .Concat([TypeRules.NotPartial, TypeRules.ContainerNotPartial, TypeRules.WrongKind])
        .Select(rule => rule.Id)
        .ToImmutableArray();

    /// <inheritdoc/>
    public override FixAllProvider GetFixAllProvider() => FixAllProvider.Create(
        static async (context, document, diagnostics) => context.CodeActionEquivalenceKey is { } key
            ? await ApplyAsync(document, diagnostics, key, context.CancellationToken).ConfigureAwait(false)
            : document);

    /// <inheritdoc/>
    public override Task RegisterCodeFixesAsync(CodeFixContext context)
    {
        foreach (Diagnostic diagnostic in context.Diagnostics)
        {
            if (diagnostic.Id == TypeRules.NotPartial.Id || diagnostic.Id == TypeRules.ContainerNotPartial.Id)
            {
                Register(diagnostic, "Make the type and those around it partial", MakePartial);
            }
            else if (diagnostic.Properties.TryGetValue(DiagnosticFix.Unwanted, out string? modifier))
            {
                Register(diagnostic, $"Remove '{modifier}'", RemoveModifier);
            }

            int index = 0;
            foreach (SpecFix fix in DiagnosticFix.Fixes(diagnostic))
            {
                Register(diagnostic, fix.Title, OptionKey(index++));
            }
        }

        return Task.CompletedTask;

        void Register(Diagnostic diagnostic, string title, string key) => context.RegisterCodeFix(
            CodeAction.Create(title,
                cancellation => ApplyAsync(context.Document, ImmutableArray.Create(diagnostic), key, cancellation), key),
            diagnostic);
    }

    /// <summary>The n-th fix of each finding belongs together: fixing all of them sets each option to what suits it.</summary>
    private static string OptionKey(int index) => $"Option{index}";

    private static async Task<Document> ApplyAsync(
        Document document, ImmutableArray<Diagnostic> diagnostics, string key, CancellationToken cancellation)
    {
        if (await document.GetSyntaxRootAsync(cancellation).ConfigureAwait(false) is not { } root)
        {
            return document;
        }

        var editor = new SyntaxEditor(root, document.Project.Solution.Services);
        switch (key)
        {
            case MakePartial:
                var types = diagnostics
                    .SelectMany(diagnostic =>
                        root.FindNode(diagnostic.Location.SourceSpan).AncestorsAndSelf().OfType<TypeDeclarationSyntax>())
                    .Distinct();
                foreach (TypeDeclarationSyntax type in types)
                {
                    editor.ReplaceNode(type, (node, _) => Modifiers.AddPartial((TypeDeclarationSyntax)node));
                }

                break;
            case RemoveModifier:
                foreach (Diagnostic diagnostic in diagnostics)
                {
                    if (diagnostic.Properties.TryGetValue(DiagnosticFix.Unwanted, out string? modifier)
                        && root.FindNode(diagnostic.Location.SourceSpan).FirstAncestorOrSelf<TypeDeclarationSyntax>() is { } type)
                    {
                        editor.ReplaceNode(type, (node, _) => Modifiers.Remove((TypeDeclarationSyntax)node, modifier!));
                    }
                }

                break;
            default:
                foreach (Diagnostic diagnostic in diagnostics)
                {
                    SpecFix? fix = DiagnosticFix.Fixes(diagnostic).Where((_, index) => OptionKey(index) == key).FirstOrDefault();
                    if (fix is not null
                        && root.FindNode(diagnostic.Location.SourceSpan).FirstAncestorOrSelf<AttributeSyntax>() is { } attribute)
                    {
                        editor.ReplaceNode(attribute, (node, _) => Options.Apply((AttributeSyntax)node, fix));
                    }
                }

                break;
        }

        return document.WithSyntaxRoot(editor.GetChangedRoot());
    }
}
