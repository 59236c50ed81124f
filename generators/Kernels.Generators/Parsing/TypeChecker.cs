using Kernels.Generators.Diagnostics;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Kernels.Generators.Parsing;

/// <summary>Finds what is wrong with a type as a carrier of a spec.</summary>
internal static class TypeChecker
{
    /// <summary>Members that the generator writes into the type: neither the user's part nor a base class may have them already.</summary>
    public static readonly IReadOnlyList<string> EmittedMembers =
    [
        "QueryHeads", "KvHeads", "HeadDim", "ValueDim", "CacheBytesPerToken", "FlopsPerQueryAndKey", "Descriptor",
        "Reference", "ReferenceInputs", "CacheLayout",
        "KernelSources", "Create", "CreateCache", "CreatePlan", "Append", "Attend",
        "EnqueueAppend", "EnqueueAttend", "EnqueueMergeStates", "SubmitAppend", "SubmitAttend",
        "Prefill", "Decode", "Device", "Target", "TargetReason", "Tuning", "Dispose", "launcher", "Inputs", "CreateBlockMask",
    ];

    /// <summary>
    /// Emitted code has UTF-8 and raw string literals, static abstract members (C# 11) and collection expressions (C# 12).
    /// </summary>
    public const LanguageVersion MinLanguageVersion = LanguageVersion.CSharp12;

    public static IEnumerable<TypeFinding> Check(INamedTypeSymbol type, AttributeData attribute, CancellationToken cancellation)
    {
        if (attribute.ApplicationSyntaxReference?.SyntaxTree.Options
            is CSharpParseOptions { LanguageVersion: < MinLanguageVersion } options)
        {
            yield return Finding(TypeRules.LanguageVersion, options.LanguageVersion.ToDisplayString());
        }

        foreach ((INamedTypeSymbol outer, string kind, string? unwanted) in WrongKinds(type))
        {
            yield return Finding(TypeRules.WrongKind, kind, outer, unwanted);
        }

        for (INamedTypeSymbol? outer = type; outer is not null; outer = outer.ContainingType)
        {
            if (outer.Arity > 0)
            {
                yield return Finding(TypeRules.Generic, outer.Name, outer);
            }

            if (!IsPartial(outer, cancellation))
            {
                bool isContainer = !SymbolEqualityComparer.Default.Equals(outer, type);
                yield return Finding(isContainer ? TypeRules.ContainerNotPartial : TypeRules.NotPartial, outer.Name, outer);
            }
        }

        if (EmittedMembers.Contains(type.Name))
        {
            yield return Finding(TypeRules.NameTaken, type.Name);
        }

        foreach (string name in EmittedMembers)
        {
            if (type.GetMembers(name).FirstOrDefault(IsWritten) is { } member)
            {
                yield return Finding(TypeRules.MemberTaken, name, member);
            }
            else if (Inherited(type, name) is { } inherited)
            {
                yield return Finding(TypeRules.MemberTaken, $"{name} from its base class {inherited.ContainingType.Name}");
            }
        }

        if (type.InstanceConstructors.FirstOrDefault(IsWritten) is { } constructor)
        {
            yield return Finding(TypeRules.MemberTaken, "a constructor", constructor);
        }

        if (type.BaseType is { SpecialType: not SpecialType.System_Object, TypeKind: TypeKind.Class } baseType
            && SpecParser.FindAttribute(baseType) is null
            && !baseType.InstanceConstructors.Any(candidate => candidate.Parameters.Length == 0 && IsAccessible(candidate, type)))
        {
            yield return Finding(TypeRules.CannotConstruct,
                $"its base class {baseType.Name} has no constructor without parameters that it can call; give it one");
        }

        for (INamedTypeSymbol? declaring = type; declaring is not null; declaring = declaring.BaseType)
        {
            if (declaring.GetMembers().FirstOrDefault(IsRequired) is { } required)
            {
                yield return Finding(TypeRules.CannotConstruct,
                    $"{required.Name} is required, and the constructor does not set it; remove the modifier",
                    SymbolEqualityComparer.Default.Equals(declaring, type) ? required : type);
            }
        }

        TypeFinding Finding(Compiler.Specs.SpecRule rule, string subject, ISymbol? at = null, string? unwanted = null) =>
            new(rule, type.Name, subject, at ?? type, unwanted);
    }

    private static IEnumerable<(INamedTypeSymbol Type, string Kind, string? Unwanted)> WrongKinds(INamedTypeSymbol type)
    {
        (string Kind, string? Unwanted)? wrong =
            type.TypeKind == TypeKind.Struct ? ("a struct", null)
            : type.TypeKind == TypeKind.Interface ? ("an interface", null)
            : type.TypeKind != TypeKind.Class ? ("no class", null)
            : type.IsRecord ? ("a record", null)
            : type.IsStatic ? ("a static class", "static")
            : type.IsAbstract ? ("an abstract class", "abstract")
            : type.IsFileLocal ? ("a file-local class", "file")
            : null;
        if (wrong is { } found)
        {
            yield return (type, found.Kind, found.Unwanted);
        }

        for (INamedTypeSymbol? declaring = type.BaseType; declaring is not null; declaring = declaring.BaseType)
        {
            if (SpecParser.FindAttribute(declaring) is not null)
            {
                yield return (type, $"derived from {declaring.Name}, which has the attribute too", null);
            }
        }

        for (INamedTypeSymbol? outer = type.ContainingType; outer is not null; outer = outer.ContainingType)
        {
            if (outer.IsFileLocal)
            {
                yield return (outer, $"in the file-local type {outer.Name}", "file");
            }
        }
    }

    private static bool IsPartial(INamedTypeSymbol type, CancellationToken cancellation) => type.DeclaringSyntaxReferences.Any(
        reference => reference.GetSyntax(cancellation) is TypeDeclarationSyntax syntax && syntax.Modifiers.Any(SyntaxKind.PartialKeyword));

    /// <summary>Whether a member is the user's: an analyzer sees the generator's output too, and what stands there is no clash.</summary>
    private static bool IsWritten(ISymbol member) => !member.IsImplicitlyDeclared && !member.GetAttributes().Any(attribute =>
        attribute.AttributeClass?.Name == "GeneratedCodeAttribute"
        && attribute.ConstructorArguments is [{ Value: "Kernels.Generators" }, _]);

    /// <summary>A member of a base class that an emitted one would hide.</summary>
    private static ISymbol? Inherited(INamedTypeSymbol type, string name)
    {
        for (INamedTypeSymbol? declaring = type.BaseType; declaring is not null; declaring = declaring.BaseType)
        {
            if (declaring.GetMembers(name).FirstOrDefault(member => IsWritten(member) && IsAccessible(member, type)) is { } found)
            {
                return found;
            }
        }

        return null;
    }

    private static bool IsAccessible(ISymbol member, INamedTypeSymbol from) => member.DeclaredAccessibility switch
    {
        Accessibility.Private => false,
        Accessibility.Internal or Accessibility.ProtectedAndInternal =>
            SymbolEqualityComparer.Default.Equals(member.ContainingAssembly, from.ContainingAssembly)
            || member.ContainingAssembly.GivesAccessTo(from.ContainingAssembly),
        _ => true,
    };

    private static bool IsRequired(ISymbol member) => member is IFieldSymbol { IsRequired: true } or IPropertySymbol { IsRequired: true };
}
