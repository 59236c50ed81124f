using System.Globalization;
using System.Text;
using Kernels.Compiler;
using Kernels.Compiler.Specs;
using Kernels.Generators.Diagnostics;
using Kernels.Generators.Mods;
using Kernels.Generators.Writing;
using Microsoft.CodeAnalysis;

namespace Kernels.Generators.Parsing;

/// <summary>Reads a spec off the symbol that carries the attribute; the generator and the analyzer read through it alike.</summary>
internal static class SpecParser
{
    public const string AttributeName = "Kernels.AttentionKernelAttribute";

    /// <summary>Whether a program references what bindings are written against.</summary>
    public static bool HasRuntime(Compilation compilation) => compilation.GetTypeByMetadataName("Kernels.OpenCL.ComputeDevice") is not null;

    /// <summary>The attribute of a type that is read as its spec, or null. Of several, which C# rejects, it is the first.</summary>
    public static AttributeData? FindAttribute(INamedTypeSymbol type) => type.GetAttributes().FirstOrDefault(attribute =>
        attribute.AttributeClass is { Name: "AttentionKernelAttribute", ContainingType: null } found
        && found.ContainingNamespace is { Name: "Kernels", ContainingNamespace.IsGlobalNamespace: true });

    /// <summary>The spec on a type, or null where the attribute is not complete enough to be read; the C# compiler says why then.</summary>
    public static AttentionSpec? ParseSpec(INamedTypeSymbol type, AttributeData attribute) =>
        attribute.ConstructorArguments.Length == 3
            && Enumerable.Range(0, 3).All(i => Number(attribute, i) is not null)
            ? ReadSpec(type, attribute)
            : null;

    /// <summary>A constructor argument of the attribute, or null where there is none that is an int.</summary>
    private static int? Number(AttributeData attribute, int index) =>
        attribute.ConstructorArguments is var numbers && index < numbers.Length && numbers[index].Kind == TypedConstantKind.Primitive
            ? numbers[index].Value as int?
            : null;

    private static AttentionSpec ReadSpec(INamedTypeSymbol type, AttributeData attribute)
    {
        var spec = new AttentionSpec(Ascii(type.Name), Number(attribute, 0) ?? 0, Number(attribute, 1) ?? 0, Number(attribute, 2) ?? 0);
        foreach (KeyValuePair<string, TypedConstant> named in attribute.NamedArguments)
        {
            // A value of the wrong type is the C# compiler's to report; what it was given for keeps its default meanwhile.
            object? value = named.Value.Kind is TypedConstantKind.Primitive or TypedConstantKind.Enum ? named.Value.Value : null;
            spec = (named.Key, value) switch
            {
                (_, null) => spec,
                ("ValueDim", int dim) => spec with { ValueDim = dim },
                ("Scale", double scale) => spec with { Scale = scale },
                ("Storage", int element) => spec with { Storage = (ElementType)element },
                ("CacheStorage", int element) => spec with { CacheStorage = (ElementType)element },
                ("Layout", int layout) => spec with { Layout = (KvLayout)layout },
                ("Deterministic", bool on) => spec with { Deterministic = on },
                ("LatentCache", bool on) => spec with { LatentCache = on },
                ("PageSize", int size) => spec with { PageSize = size },
                ("QueryTile", int rows) => spec with { QueryTile = rows },
                ("KeyTile", int keys) => spec with { KeyTile = keys },
                _ => AttentionShape.Options.Select(option => option.Parse(spec, named.Key, value))
                    .FirstOrDefault(parsed => parsed is not null) ?? spec,
            };
        }

        return spec;
    }

    /// <summary>What the generator emits for a type, or null while the type cannot take any members.</summary>
    /// <param name="type">The type.</param>
    /// <param name="part">The declaration that is looked at: a type with the attribute on several parts is emitted for one.</param>
    /// <param name="compilation">The compilation that the type is part of; its mods may lie in other files.</param>
    /// <param name="cancellation">Ends the search for what is wrong.</param>
    public static SpecModel? ParseModel(INamedTypeSymbol type, SyntaxNode part, Compilation compilation, CancellationToken cancellation)
    {
        if (FindAttribute(type) is not { ApplicationSyntaxReference: { } reference } attribute
            || reference.SyntaxTree != part.SyntaxTree
            || !part.Span.Contains(reference.Span)
            || !HasName(type)
            || TypeChecker.Check(type, attribute, cancellation).Any())
        {
            return null;
        }

        if (ParseSpec(type, attribute) is { } spec
            && !SpecValidator.Validate(spec).Any(finding => finding.Rule.Severity == RuleSeverity.Error)
            && ModReader.Read(type, spec, compilation, cancellation) is { IsValid: true } mods)
        {
            return new SpecModel(Declaration(type), spec with { ScoreMod = mods.Score, MaskMod = mods.Mask });
        }

        (ModFunction? score, ModFunction? mask) = ModReader.Outline(type);
        AttentionSpec near = BrokenSpec.Mend(ReadSpec(type, attribute)) with { ScoreMod = score, MaskMod = mask };
        return new SpecModel(Declaration(type), near, IsBroken: true) { IsSuppressed = IsSuppressed(type) };
    }

    /// <summary>Whether what was emitted into a type stands in for a broken spec: its descriptor is none that is kept.</summary>
    public static bool IsBroken(INamedTypeSymbol type) =>
        type.GetMembers("Descriptor").OfType<IPropertySymbol>().FirstOrDefault() is { } descriptor
            && !type.GetMembers().OfType<IFieldSymbol>()
                .Any(field => SymbolEqualityComparer.Default.Equals(field.AssociatedSymbol, descriptor));

    /// <summary>Whether a SuppressMessage on a type, in it or around it names a rule: errors that nothing else turns off heed it.</summary>
    private static bool IsSuppressed(INamedTypeSymbol type)
    {
        IEnumerable<ISymbol> symbols = type.GetMembers().Append(type);
        for (ISymbol? outer = type.ContainingSymbol; outer is not null; outer = outer.ContainingSymbol)
        {
            symbols = symbols.Append(outer);
        }

        return symbols.SelectMany(symbol => symbol.GetAttributes()).Any(attribute =>
            attribute.AttributeClass?.Name is "SuppressMessageAttribute" or "UnconditionalSuppressMessageAttribute"
            && attribute.ConstructorArguments.Any(
                argument => argument.Value is string id && id.StartsWith("KA0", StringComparison.OrdinalIgnoreCase)));
    }

    /// <summary>How to reopen a type.</summary>
    public static TypeDeclaration Declaration(INamedTypeSymbol type)
    {
        var containing = new List<string>();
        string fileName = type.Name;
        for (INamedTypeSymbol? outer = type.ContainingType; outer is not null; outer = outer.ContainingType)
        {
            string kind = outer switch
            {
                { IsRecord: true, TypeKind: TypeKind.Struct } => "record struct",
                { IsRecord: true } => "record",
                { TypeKind: TypeKind.Struct } => "struct",
                { TypeKind: TypeKind.Interface } => "interface",
                _ => "class",
            };
            containing.Insert(0, $"partial {kind} {Identifier.OfType(outer.Name)}");
            fileName = outer.Name + "+" + fileName;
        }

        var namespaces = new List<string>();
        for (INamespaceSymbol space = type.ContainingNamespace; !space.IsGlobalNamespace; space = space.ContainingNamespace)
        {
            namespaces.Insert(0, Identifier.OfType(space.Name));
            fileName = space.Name + "." + fileName;
        }

        return new TypeDeclaration(
            string.Join(".", namespaces), new EquatableArray<string>(containing), Identifier.OfType(type.Name), type.Name,
            GeneratedFileName.Of(fileName));
    }

    /// <summary>Whether everything on the way to a type has its name: a declaration that is being typed may not have it yet.</summary>
    private static bool HasName(INamedTypeSymbol type)
    {
        for (ISymbol? symbol = type;
            symbol is INamedTypeSymbol or INamespaceSymbol { IsGlobalNamespace: false };
            symbol = symbol.ContainingSymbol)
        {
            if (symbol.Name.Length == 0)
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>The spec's name gets into OpenCL C, which knows no other letters.</summary>
    private static string Ascii(string name)
    {
        var text = new StringBuilder(name.Length);
        foreach (char c in name)
        {
            text.Append(c < 128 ? c.ToString() : "_u" + ((int)c).ToString("X4", CultureInfo.InvariantCulture));
        }

        return text.ToString();
    }
}
