using Kernels.Compiler.Specs;
using Kernels.Generators.Diagnostics;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Formatting;
using Microsoft.CodeAnalysis.Simplification;

namespace Kernels.CodeFixes;

/// <summary>Changes to an attribute's options.</summary>
internal static class Options
{
    public static AttributeSyntax Apply(AttributeSyntax attribute, SpecFix fix)
    {
        foreach (OptionChange change in fix.Changes)
        {
            // The attribute of a finding has its three arguments.
            AttributeArgumentListSyntax list = attribute.ArgumentList!;
            AttributeArgumentSyntax? argument = AttributeArguments.Find(attribute, change.Option);
            attribute = attribute.WithArgumentList((argument, change.Value) switch
            {
                (null, "") => list,
                (null, _) => list.AddArguments(SyntaxFactory.AttributeArgument(
                    SyntaxFactory.NameEquals(change.Option), nameColon: null, Value(change.Value))
                    .WithAdditionalAnnotations(Formatter.Annotation)),
                (_, "") => list.WithArguments(Without(list.Arguments, list.Arguments.IndexOf(argument))),
                _ => list.ReplaceNode(argument.Expression, Value(change.Value).WithTriviaFrom(argument.Expression)),
            });
        }

        return attribute;
    }

    /// <summary>A number as it is; a member of an enum with its whole name, to be shortened by what the file imports.</summary>
    private static ExpressionSyntax Value(string value) => char.IsLetter(value[0])
        ? SyntaxFactory.ParseExpression("global::Kernels." + value).WithAdditionalAnnotations(Simplifier.Annotation)
        : SyntaxFactory.ParseExpression(value);

    private static SeparatedSyntaxList<AttributeArgumentSyntax> Without(SeparatedSyntaxList<AttributeArgumentSyntax> arguments, int index)
    {
        // A comment behind the comma before the last argument is about the argument before.
        if (index > 0 && index == arguments.Count - 1 && arguments.GetSeparator(index - 1).TrailingTrivia is var behind
            && behind.Any(trivia => !trivia.IsKind(SyntaxKind.WhitespaceTrivia) && !trivia.IsKind(SyntaxKind.EndOfLineTrivia)))
        {
            AttributeArgumentSyntax before = arguments[index - 1];
            arguments = arguments.Replace(before, before.WithTrailingTrivia(before.GetTrailingTrivia().AddRange(behind)));
        }

        return arguments.RemoveAt(index);
    }
}
