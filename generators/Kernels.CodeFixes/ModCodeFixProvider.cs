using System.Collections.Immutable;
using System.Globalization;
using Kernels.Generators.Diagnostics;
using Kernels.Generators.Mods;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CodeActions;
using Microsoft.CodeAnalysis.CodeFixes;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Editing;
using Microsoft.CodeAnalysis.Simplification;

namespace Kernels.CodeFixes;

/// <summary>Offers what mends a finding of <see cref="ModAnalyzer"/>, where that is plain.</summary>
[ExportCodeFixProvider(LanguageNames.CSharp, Name = nameof(ModCodeFixProvider))]
public sealed class ModCodeFixProvider : CodeFixProvider
{
    /// <inheritdoc/>
    public override ImmutableArray<string> FixableDiagnosticIds { get; } =
        new[] { ModRules.NotStatic, ModRules.InputType, ModRules.Type, ModRules.Method, ModRules.Outside, ModRules.Checked }
            .Select(rule => rule.Id)
            .ToImmutableArray();

    /// <inheritdoc/>
    public override FixAllProvider GetFixAllProvider() => FixAllProvider.Create(static async (context, document, diagnostics) =>
        await ApplyAsync(
            document, diagnostics.Where(diagnostic => DiagnosticFix.OfMod(diagnostic)?.Kind == context.CodeActionEquivalenceKey),
            context.CancellationToken)
            .ConfigureAwait(false));

    /// <inheritdoc/>
    public override async Task RegisterCodeFixesAsync(CodeFixContext context)
    {
        if (await context.Document.GetSyntaxRootAsync(context.CancellationToken).ConfigureAwait(false) is not { } root)
        {
            return;
        }

        foreach (Diagnostic diagnostic in context.Diagnostics)
        {
            if (DiagnosticFix.OfMod(diagnostic) is { } fix && Target(root, diagnostic, fix) is { } target)
            {
                context.RegisterCodeFix(
                    CodeAction.Create(Title(fix, target),
                        cancellation => ApplyAsync(context.Document, [diagnostic], cancellation), fix.Kind),
                    diagnostic);
            }
        }
    }

    private static string Title(ModFix fix, SyntaxNode target) => fix.Kind switch
    {
        ModFix.AddStatic => "Make the mod static",
        ModFix.ChangeType => $"Change the type to '{fix.Text}'",
        ModFix.DropDefault => "Remove the default",
        ModFix.DropModifiers => "Pass it by value",
        ModFix.CallMathF => $"Call 'MathF.{fix.Text}'",
        ModFix.MakeConst => "Make the field a const",
        _ => $"Write '{fix.Text}'",
    };

    /// <summary>The node that a fix changes, or null where the source has none such.</summary>
    private static SyntaxNode? Target(SyntaxNode root, Diagnostic diagnostic, ModFix fix)
    {
        SyntaxNode found = root.FindNode(diagnostic.Location.SourceSpan, getInnermostNodeForTie: true);
        switch (fix.Kind)
        {
            case ModFix.AddStatic:
                return found.FirstAncestorOrSelf<MethodDeclarationSyntax>();
            case ModFix.ReplaceStatement:
                return found.FirstAncestorOrSelf<ExpressionStatementSyntax>();
            case ModFix.ChangeType:
                TypeSyntax? type = found.FirstAncestorOrSelf<SyntaxNode>(
                    node => node is ParameterSyntax or VariableDeclarationSyntax or MethodDeclarationSyntax) switch
                {
                    ParameterSyntax parameter => parameter.Type,
                    VariableDeclarationSyntax variable => variable.Type,
                    MethodDeclarationSyntax method => method.ReturnType,
                    _ => null,
                };
                return type is null or { IsVar: true } ? null : type;
            case ModFix.DropDefault or ModFix.DropModifiers:
                return found.FirstAncestorOrSelf<ParameterSyntax>();
            case ModFix.MakeConst:
                return root.FindToken(int.Parse(fix.Text, CultureInfo.InvariantCulture))
                    .Parent?.FirstAncestorOrSelf<FieldDeclarationSyntax>();
            case ModFix.CallMathF:
                return found.FirstAncestorOrSelf<InvocationExpressionSyntax>();
            default:
                return found.FirstAncestorOrSelf<ExpressionSyntax>();
        }
    }

    private static async Task<Document> ApplyAsync(Document document, IEnumerable<Diagnostic> diagnostics, CancellationToken cancellation)
    {
        if (await document.GetSyntaxRootAsync(cancellation).ConfigureAwait(false) is not { } root)
        {
            return document;
        }

        var editor = new SyntaxEditor(root, document.Project.Solution.Services);
        foreach ((SyntaxNode target, ModFix fix) in diagnostics
            .Select(diagnostic => (Diagnostic: diagnostic, Fix: DiagnosticFix.OfMod(diagnostic)!))
            .Select(found => (Target: Target(root, found.Diagnostic, found.Fix), found.Fix))
            .Where(found => found.Target is not null)
            .GroupBy(found => found.Target)
            .Select(same => (same.Key!, same.First().Fix)))
        {
            editor.ReplaceNode(target, (node, _) => Change(node, fix).WithTriviaFrom(node));
            if (fix.Kind == ModFix.ChangeType && fix.Text == "float" && target.Parent is VariableDeclarationSyntax declaration)
            {
                foreach (EqualsValueClauseSyntax value in declaration.Variables
                    .Select(variable => variable.Initializer)
                    .OfType<EqualsValueClauseSyntax>())
                {
                    editor.ReplaceNode(value, (node, _) => WithFloats(node));
                }
            }
        }

        return document.WithSyntaxRoot(editor.GetChangedRoot());
    }

    private static SyntaxNode Change(SyntaxNode node, ModFix fix)
    {
        switch (fix.Kind, node)
        {
            case (ModFix.AddStatic, MethodDeclarationSyntax method):
                return Modifiers.AddStatic(method);
            case (ModFix.DropDefault, ParameterSyntax parameter):
                return parameter.WithDefault(null).WithIdentifier(parameter.Identifier.WithTrailingTrivia());
            case (ModFix.DropModifiers, ParameterSyntax parameter):
                return parameter.WithModifiers(default);
            case (ModFix.MakeConst, FieldDeclarationSyntax field):
                SyntaxToken[] kept = [
                    .. field.Modifiers.Where(modifier =>
                        !modifier.IsKind(SyntaxKind.StaticKeyword) && !modifier.IsKind(SyntaxKind.ReadOnlyKeyword))];
                return field.WithModifiers(SyntaxFactory.TokenList(
                    [.. kept, SyntaxFactory.Token(SyntaxKind.ConstKeyword).WithTrailingTrivia(SyntaxFactory.Space)]));
            case (ModFix.CallMathF, InvocationExpressionSyntax call):
                return call
                    .WithExpression(
                        SyntaxFactory.ParseExpression("global::System.MathF." + fix.Text)
                            .WithAdditionalAnnotations(Simplifier.Annotation))
                    .WithArgumentList((ArgumentListSyntax)WithFloats(call.ArgumentList));
            case (ModFix.ChangeType, _):
                return SyntaxFactory.ParseTypeName(fix.Text.Replace("ReadOnlySpan", "global::System.ReadOnlySpan"))
                    .WithAdditionalAnnotations(Simplifier.Annotation);
            case (ModFix.ReplaceStatement, _):
                return SyntaxFactory.ParseStatement(fix.Text);
            default:
                return SyntaxFactory.ParseExpression(fix.Text);
        }
    }

    /// <summary>Literals of type double as such of type float.</summary>
    private static SyntaxNode WithFloats(SyntaxNode node) => node.ReplaceNodes(
        node.DescendantNodes().OfType<LiteralExpressionSyntax>().Where(literal => literal.Token.Value is double),
        (literal, _) => SyntaxFactory.ParseExpression(literal.Token.Text.TrimEnd('d', 'D') + "f").WithTriviaFrom(literal));
}
