using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;

namespace Kernels.Generators.Tests.Harness;

/// <summary>A program as a user would write it, and how it is compiled: by default as strictly as C# allows.</summary>
internal sealed record UserProgram(params IReadOnlyList<string> Sources)
{
    /// <summary>The version that generated code promises to compile with.</summary>
    public LanguageVersion LanguageVersion { get; init; } = LanguageVersion.CSharp12;

    /// <summary>Whether the program references Kernels.OpenCL.</summary>
    public bool HasRuntime { get; init; } = true;

    /// <summary>Whether the program references Kernels.</summary>
    public bool HasContract { get; init; } = true;

    public CSharpParseOptions ParseOptions => new(LanguageVersion, DocumentationMode.Diagnose);

    /// <summary>The program without what is generated.</summary>
    public CSharpCompilation Compile() => CSharpCompilation.Create(
        "UserProgram",
        Sources.Select((source, i) => CSharpSyntaxTree.ParseText(source, ParseOptions, path: $"Program{i}.cs")),
        References.For(HasContract, HasRuntime),
        new CSharpCompilationOptions(
            OutputKind.DynamicallyLinkedLibrary, warningLevel: 9999, nullableContextOptions: NullableContextOptions.Enable));

    /// <summary>Compiles the program and runs the generator on it.</summary>
    public GeneratorRun Run() => GeneratorRun.Start(Compile());
}
