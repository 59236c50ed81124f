using Microsoft.CodeAnalysis.CSharp;

namespace Kernels.Generators.Writing;

/// <summary>The user's names as emitted C# writes them.</summary>
internal static class Identifier
{
    /// <summary>A name of a parameter: with an @ where it is a keyword somewhere.</summary>
    public static string Of(string name) =>
        SyntaxFacts.GetKeywordKind(name) != SyntaxKind.None
            || SyntaxFacts.GetContextualKeywordKind(name) != SyntaxKind.None
            ? "@" + name
            : name;

    /// <summary>
    /// A name of a type or namespace. C# keeps all names of small ASCII letters for keywords to come, and reads some as one where a type
    /// stands (<c>dynamic</c>, <c>nint</c>).
    /// </summary>
    public static string OfType(string name) => name.All(c => c is >= 'a' and <= 'z') ? "@" + name : Of(name);
}
