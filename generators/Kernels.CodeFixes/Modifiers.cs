using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Kernels.CodeFixes;

/// <summary>Changes to a type's modifiers that leave comments and layout alone.</summary>
internal static class Modifiers
{
    /// <summary>Adds <c>partial</c>, right before the keyword where C# wants it, if it is not there.</summary>
    public static TypeDeclarationSyntax AddPartial(TypeDeclarationSyntax type)
    {
        if (type.Modifiers.Any(SyntaxKind.PartialKeyword))
        {
            return type;
        }

        SyntaxToken partial = SyntaxFactory.Token(SyntaxKind.PartialKeyword).WithTrailingTrivia(SyntaxFactory.Space);
        if (type.Modifiers.Count == 0)
        {
            partial = partial.WithLeadingTrivia(type.Keyword.LeadingTrivia);
            type = type.WithKeyword(type.Keyword.WithLeadingTrivia());
        }

        return type.WithModifiers(type.Modifiers.Add(partial));
    }

    /// <summary>Adds <c>static</c> after what says who may call the method.</summary>
    public static MethodDeclarationSyntax AddStatic(MethodDeclarationSyntax method)
    {
        int at = method.Modifiers.TakeWhile(modifier => SyntaxFacts.IsAccessibilityModifier(modifier.Kind())).Count();
        SyntaxToken modifier = SyntaxFactory.Token(SyntaxKind.StaticKeyword).WithTrailingTrivia(SyntaxFactory.Space);
        if (at > 0 || method.AttributeLists.Count > 0 || method.Modifiers.Count > 0)
        {
            if (at == 0)
            {
                SyntaxToken first = method.Modifiers.Count > 0 ? method.Modifiers[0] : method.ReturnType.GetFirstToken();
                method = method.ReplaceToken(first, first.WithLeadingTrivia());
                modifier = modifier.WithLeadingTrivia(first.LeadingTrivia);
            }

            return method.WithModifiers(method.Modifiers.Insert(at, modifier));
        }

        return method.WithModifiers(method.Modifiers.Insert(0, modifier));
    }

    /// <summary>Removes a modifier, if it is there; what stood before it now stands before what followed.</summary>
    public static TypeDeclarationSyntax Remove(TypeDeclarationSyntax type, string modifier)
    {
        int index = type.Modifiers.IndexOf(SyntaxFacts.GetKeywordKind(modifier) is var kind and not SyntaxKind.None
            ? kind
            : SyntaxFacts.GetContextualKeywordKind(modifier));
        if (index < 0)
        {
            return type;
        }

        SyntaxTriviaList before = type.Modifiers[index].LeadingTrivia;
        SyntaxTokenList rest = type.Modifiers.RemoveAt(index);
        if (index < rest.Count)
        {
            return type.WithModifiers(rest.Replace(rest[index], rest[index].WithLeadingTrivia(before)));
        }

        return index == 0
            ? type.WithModifiers(rest).WithKeyword(type.Keyword.WithLeadingTrivia(before))
            : type.WithModifiers(rest);
    }
}
