using System.Globalization;
using Kernels.Compiler;
using Kernels.Generators.Parsing;
using Kernels.Generators.Writing;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Kernels.Generators;

/// <summary>Emits, for every valid spec, its contract and cache layout, its kernels' sources and its host bindings.</summary>
[Generator(LanguageNames.CSharp)]
public sealed class AttentionKernelGenerator : IIncrementalGenerator
{
    /// <summary>The step that reads specs off symbols.</summary>
    public const string ParseStep = "Parse";

    /// <summary>The step that drops what is not valid.</summary>
    public const string ModelStep = "Model";

    /// <summary>The step that finds file names that differ in the case of letters only.</summary>
    public const string FileNamesStep = "FileNames";

    /// <summary>The step that gives every model a file name of its own.</summary>
    public const string NamedModelStep = "NamedModel";

    /// <summary>The step that tells whether the runtime is referenced.</summary>
    public const string RuntimeStep = "Runtime";

    /// <inheritdoc/>
    public void Initialize(IncrementalGeneratorInitializationContext context)
    {
        IncrementalValuesProvider<SpecModel> specs = context.SyntaxProvider
            .ForAttributeWithMetadataName(
                SpecParser.AttributeName,
                static (node, _) => node is TypeDeclarationSyntax,
                static (found, cancellation) => found.TargetSymbol is INamedTypeSymbol type
                    ? SpecParser.ParseModel(type, found.TargetNode, found.SemanticModel.Compilation, cancellation)
                    : null)
            .WithTrackingName(ParseStep)
            .Where(static model => model is not null)
            .Select(static (model, _) => model!)
            .WithTrackingName(ModelStep);

        // Roslyn takes names of generated files for equal when only the case of letters differs; C# does not, for types.
        IncrementalValueProvider<EquatableArray<string>> ambiguous = specs
            .Select(static (model, _) => model.Type.FileName)
            .Collect()
            .Select(static (names, _) => new EquatableArray<string>(names
                .GroupBy(name => name, StringComparer.OrdinalIgnoreCase)
                .Where(group => group.Count() > 1)
                .SelectMany(group => group)
                .OrderBy(name => name, StringComparer.Ordinal)))
            .WithTrackingName(FileNamesStep);
        IncrementalValuesProvider<SpecModel> named = specs
            .Combine(ambiguous)
            .Select(static (pair, _) => pair.Right.Contains(pair.Left.Type.FileName)
                ? pair.Left with { Type = pair.Left.Type with { FileName = WithHash(pair.Left.Type.FileName) } }
                : pair.Left)
            .WithTrackingName(NamedModelStep);

        // Without the runtime there is nothing to bind to; contract, layout and sources stand on their own.
        IncrementalValueProvider<bool> hasRuntime = context.CompilationProvider
            .Select(static (compilation, _) => compilation.GetTypeByMetadataName("Kernels.OpenCL.ComputeDevice") is not null)
            .WithTrackingName(RuntimeStep);

        context.RegisterSourceOutput(named, static (output, model) =>
        {
            output.AddSource(model.Type.FileName + ".Spec.g.cs", SpecWriter.Write(model));
            output.AddSource(model.Type.FileName + ".Kernels.g.cs", KernelSourceWriter.Write(model));
        });
        context.RegisterSourceOutput(named.Combine(hasRuntime), static (output, pair) =>
        {
            if (pair.Right)
            {
                output.AddSource(pair.Left.Type.FileName + ".Bindings.g.cs", BindingsWriter.Write(pair.Left));
            }
        });
    }

    /// <summary>Adds a hash (FNV-1a) of a name to it, so that it does not depend on what other names there are.</summary>
    private static string WithHash(string name)
    {
        uint hash = 2166136261;
        foreach (char c in name)
        {
            hash = unchecked((hash ^ c) * 16777619);
        }

        return name + "-" + hash.ToString("x8", CultureInfo.InvariantCulture);
    }
}
