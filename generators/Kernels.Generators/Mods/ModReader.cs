using Kernels.Compiler;
using Kernels.Compiler.Specs;
using Kernels.Generators.Parsing;
using Kernels.Generators.Writing;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Kernels.Generators.Mods;

/// <summary>Reads the mods off a type that carries a spec; the generator and the analyzer read through it alike.</summary>
internal static class ModReader
{
    /// <summary>What the generator writes into the type that has constants, which mods may name though they are not there yet.</summary>
    private static readonly string[] WithConstantValues =
        ["QueryHeads", "KvHeads", "HeadDim", "ValueDim", "CacheBytesPerToken", "FlopsPerQueryAndKey", "CacheLayout"];

    /// <param name="type">The type.</param>
    /// <param name="spec">What its attribute says.</param>
    /// <param name="compilation">The compilation that the type is part of.</param>
    /// <param name="cancellation">Ends the reading.</param>
    public static ModReading Read(INamedTypeSymbol type, AttentionSpec spec, Compilation compilation, CancellationToken cancellation)
    {
        if (!type.GetMembers().OfType<IMethodSymbol>().Any(method => ModKind.All.Any(kind => kind.IsOn(method))))
        {
            return new(null, null, true, []);
        }

        (type, compilation) = WithConstants(type, spec, compilation, cancellation);
        var findings = new List<ModFinding>();
        var functions = new ModFunction?[ModKind.All.Count];
        bool isValid = true;
        var first = new Dictionary<string, (IMethodSymbol Method, IParameterSymbol Parameter, ModInputType Type)>();
        for (int i = 0; i < functions.Length; i++)
        {
            ModKind kind = ModKind.All[i];
            List<IMethodSymbol> methods = [.. type.GetMembers().OfType<IMethodSymbol>().Where(kind.IsOn)];
            foreach (IMethodSymbol second in methods.Skip(1))
            {
                findings.Add(new(ModRules.SecondMod, second.Locations[0], second.Name, kind.AttributeName, methods[0].Name));
            }

            if (methods.Count == 0)
            {
                continue;
            }

            IMethodSymbol method = methods[0].PartialImplementationPart ?? methods[0];
            if (Inputs(method, kind, findings) is not { } inputs)
            {
                isValid = false;
                continue;
            }

            foreach ((ModInput input, IParameterSymbol parameter) in
                inputs.Zip(method.Parameters.Skip(kind.Parameters.Count), (input, parameter) => (input, parameter)))
            {
                if (!first.TryGetValue(input.Name, out var other))
                {
                    first.Add(input.Name, (method, parameter, input.Type));
                }
                else if (other.Type != input.Type)
                {
                    findings.Add(new(ModRules.InputClash, parameter.Locations[0],
                        input.Name, Display(parameter.Type), Display(other.Parameter.Type), other.Method.Name));
                }
            }

            ModTranslation translation = ModTranslator.Translate(method, kind, inputs, compilation, cancellation);
            findings.AddRange(translation.Findings);
            functions[i] = translation.Function;
            isValid &= translation.Function is not null;
        }

        return new(functions[0], functions[1], isValid && findings.Count == 0, findings);
    }

    /// <summary>
    /// Mods without their text, of a type of which nothing else need be right: inputs that no kernel takes are made similar ones.
    /// </summary>
    public static (ModFunction? Score, ModFunction? Mask) Outline(INamedTypeSymbol type)
    {
        var types = new Dictionary<string, ModInputType>();
        return (Of(ModKind.Score), Of(ModKind.Mask));

        ModFunction? Of(ModKind kind)
        {
            if (type.GetMembers().OfType<IMethodSymbol>().FirstOrDefault(kind.IsOn) is not { } method)
            {
                return null;
            }

            foreach (IParameterSymbol parameter in method.Parameters.Skip(kind.Parameters.Count))
            {
                if (!types.ContainsKey(parameter.Name))
                {
                    types.Add(parameter.Name, InputType(parameter.Type) ?? NearestInputType(parameter.Type));
                }
            }

            string[] names = [
                .. method.Parameters.Skip(kind.Parameters.Count)
                    .Select(parameter => parameter.Name)
                    .Where(name => name.Length > 0).Distinct()];
            return new ModFunction("", new EquatableArray<ModInput>(names.Select(name => new ModInput(name, types[name]))))
                { Name = method.Name };
        }
    }

    /// <summary>Whether the C# compiler has something to say of a type.</summary>
    public static bool HasErrors(INamedTypeSymbol type, Compilation compilation, CancellationToken cancellation) =>
        type.DeclaringSyntaxReferences.Any(
            part => compilation.GetSemanticModel(part.SyntaxTree).GetDiagnostics(part.Span, cancellation)
                .Any(diagnostic => diagnostic.Severity == DiagnosticSeverity.Error));

    /// <summary>What would make a parameter one of a kernel's function, where that is plain.</summary>
    public static ModFix? FixOf(IParameterSymbol parameter) =>
        parameter.RefKind != RefKind.None ? new(ModFix.DropModifiers)
        : parameter.IsOptional ? new(ModFix.DropDefault)
        : InputType(parameter.Type) is null && IsOfNumbers(parameter.Type) ? new(ModFix.ChangeType, NearestInputType(parameter.Type) switch
        {
            ModInputType.Int => "int",
            ModInputType.Float => "float",
            ModInputType.IntBuffer => "ReadOnlySpan<int>",
            _ => "ReadOnlySpan<float>",
        })
        : null;

    private static bool IsOfNumbers(ITypeSymbol type) => type switch
    {
        IArrayTypeSymbol { Rank: 1 } array => IsNumber(array.ElementType),
        INamedTypeSymbol
        {
            Arity: 1,
            Name: "Span" or "ReadOnlySpan" or "Memory" or "ReadOnlyMemory" or "List" or "IReadOnlyList" or "IList",
        } list => IsNumber(list.TypeArguments[0]),
        _ => IsNumber(type),
    };

    private static bool IsNumber(ITypeSymbol type) =>
        type.SpecialType is >= SpecialType.System_SByte and <= SpecialType.System_Double || type.Name == "Half";

    private static ModInputType NearestInputType(ITypeSymbol type) => type switch
    {
        IArrayTypeSymbol array => IsIntegral(array.ElementType) ? ModInputType.IntBuffer : ModInputType.FloatBuffer,
        INamedTypeSymbol { Arity: 1 } list => IsIntegral(list.TypeArguments[0]) ? ModInputType.IntBuffer : ModInputType.FloatBuffer,
        _ => IsIntegral(type) ? ModInputType.Int : ModInputType.Float,
    };

    private static bool IsIntegral(ITypeSymbol type) =>
        type.TypeKind == TypeKind.Enum || type.SpecialType is >= SpecialType.System_Boolean and <= SpecialType.System_UInt64;

    /// <summary>A mod's inputs, or null if its signature is wrong.</summary>
    private static EquatableArray<ModInput>? Inputs(IMethodSymbol method, ModKind kind, List<ModFinding> findings)
    {
        int before = findings.Count;
        if (!method.IsStatic)
        {
            findings.Add(new(ModRules.NotStatic, method.Locations[0], method.Name) { Fix = new(ModFix.AddStatic) });
        }

        if (method.IsGenericMethod)
        {
            Wrong(method.Locations[0], "is generic");
        }

        if (method.IsExtern || method.IsPartialDefinition || method.IsAbstract)
        {
            Wrong(method.Locations[0], "has no body");
        }

        if (method.ReturnsByRef || method.ReturnsByRefReadonly || !Is(method.ReturnType, kind.ReturnType))
        {
            Wrong(method.Locations[0],
                $"returns {(method.ReturnsByRef || method.ReturnsByRefReadonly ? "a reference" : Display(method.ReturnType))}");
        }

        bool isComplete = true;
        var inputs = new List<ModInput>();
        foreach (IParameterSymbol parameter in method.Parameters)
        {
            if (parameter.Type.TypeKind == TypeKind.Error)
            {
                // The C# compiler's to report.
                isComplete = false;
            }
            else if (parameter.Ordinal < kind.Parameters.Count)
            {
                if (parameter.RefKind != RefKind.None || !Is(parameter.Type, kind.Parameters[parameter.Ordinal].Type))
                {
                    Wrong(parameter.Locations[0],
                        $"has {Prefix(parameter.RefKind)}{Display(parameter.Type)} {parameter.Name} as parameter {parameter.Ordinal + 1}");
                    isComplete = false;
                    break;
                }
            }
            else if (Fault(parameter) is { } fault)
            {
                findings.Add(new(ModRules.InputType, parameter.Locations[0], parameter.Name, fault,
                    "int, float, ReadOnlySpan<int> or ReadOnlySpan<float>, passed by value and without a default")
                { Fix = FixOf(parameter) });
            }
            else
            {
                inputs.Add(new(parameter.Name, InputType(parameter.Type)!.Value));
            }
        }

        if (isComplete && method.Parameters.Length < kind.Parameters.Count)
        {
            Wrong(method.Locations[0], $"has only {method.Parameters.Length} parameters");
        }

        return isComplete && findings.Count == before ? new EquatableArray<ModInput>(inputs) : null;

        void Wrong(Location at, string what)
        {
            if (method.ReturnType.TypeKind != TypeKind.Error)
            {
                findings.Add(new(
                    ModRules.Signature, at, method.Name, what,
                    kind.AttributeName, ModKind.CSharpName(kind.ReturnType), kind.ParameterList));
            }

            isComplete = false;
        }
    }

    private static string? Fault(IParameterSymbol parameter) =>
        parameter.RefKind != RefKind.None ? $"is passed by {(parameter.RefKind == RefKind.Out ? "out" : "reference")}"
        : InputType(parameter.Type) is null ? $"is of type {Display(parameter.Type)}"
        : parameter.IsOptional ? "has a default, which the kernel's caller would not know"
        : parameter.IsParams ? "takes a list of arguments"
        : null;

    private static ModInputType? InputType(ITypeSymbol type) => type.SpecialType switch
    {
        SpecialType.System_Int32 => ModInputType.Int,
        SpecialType.System_Single => ModInputType.Float,
        _ => FunctionTranslator.BufferOf(type) switch
        {
            LaneType.Int => ModInputType.IntBuffer,
            LaneType.Float => ModInputType.FloatBuffer,
            _ => null,
        },
    };

    private static bool Is(ITypeSymbol type, LaneType expected) => type.SpecialType == expected switch
    {
        LaneType.Bool => SpecialType.System_Boolean,
        LaneType.Int => SpecialType.System_Int32,
        _ => SpecialType.System_Single,
    };

    private static string Prefix(RefKind kind) => kind switch
    {
        RefKind.None => "",
        RefKind.Ref => "ref ",
        RefKind.Out => "out ",
        _ => "in ",
    };

    private static string Display(ITypeSymbol type) => type.ToDisplayString(SymbolDisplayFormat.MinimallyQualifiedFormat);

    /// <summary>
    /// The type with the constants that the generator will write, where its methods name one that is not there: the generator
    /// sees the program before its own output.
    /// </summary>
    private static (INamedTypeSymbol Type, Compilation Compilation) WithConstants(
        INamedTypeSymbol type, AttentionSpec spec, Compilation compilation, CancellationToken cancellation)
    {
        string[] missing = [.. WithConstantValues.Where(name => type.GetMembers(name).IsEmpty)];
        if (missing.Length < WithConstantValues.Length
            || type.DeclaringSyntaxReferences.FirstOrDefault() is not { } reference
            || !type.DeclaringSyntaxReferences.Any(part => Names(part.GetSyntax(cancellation))))
        {
            return (type, compilation);
        }

        string text = SpecWriter.Write(new SpecModel(SpecParser.Declaration(type), BrokenSpec.Mend(spec), IsBroken: true));
        SyntaxNode syntax = reference.GetSyntax(cancellation);
        Compilation extended = compilation.AddSyntaxTrees(
            CSharpSyntaxTree.ParseText(text, (CSharpParseOptions)syntax.SyntaxTree.Options, cancellationToken: cancellation));
        return extended.GetSemanticModel(syntax.SyntaxTree).GetDeclaredSymbol(syntax, cancellation) is INamedTypeSymbol found
            ? (found, extended)
            : (type, compilation);

        bool Names(SyntaxNode part) =>
            part.DescendantNodes().OfType<IdentifierNameSyntax>().Any(name => missing.Contains(name.Identifier.ValueText));
    }
}
