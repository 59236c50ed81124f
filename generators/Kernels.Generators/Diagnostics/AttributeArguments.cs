using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Kernels.Generators.Diagnostics;

/// <summary>Where in an attribute an option is written.</summary>
internal static class AttributeArguments
{
    /// <summary>The attribute's constructor parameters, in order.</summary>
    public static readonly IReadOnlyList<string> Parameters = ["queryHeads", "kvHeads", "headDim"];

    /// <summary>The argument that gives <paramref name="option"/> its value, or null where it is left out.</summary>
    public static AttributeArgumentSyntax? Find(AttributeSyntax attribute, string option)
    {
        if (attribute.ArgumentList is not { } list)
        {
            return null;
        }

        for (int i = 0; i < list.Arguments.Count; i++)
        {
            AttributeArgumentSyntax argument = list.Arguments[i];
            string? name = argument.NameEquals?.Name.Identifier.ValueText ?? argument.NameColon?.Name.Identifier.ValueText;
            if ((name ?? (i < Parameters.Count ? Parameters[i] : null)) == option)
            {
                return argument;
            }
        }

        return null;
    }
}
