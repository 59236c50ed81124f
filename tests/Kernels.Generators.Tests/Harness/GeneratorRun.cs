using System.Collections.Immutable;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.Diagnostics;

namespace Kernels.Generators.Tests.Harness;

/// <summary>One run of the generator, and what became of the program.</summary>
internal sealed class GeneratorRun
{
    private readonly GeneratorDriver driver;
    private readonly Lazy<ImmutableSortedDictionary<string, string>> sources;

    private GeneratorRun(GeneratorDriver driver, CSharpCompilation input)
    {
        this.driver = driver.RunGeneratorsAndUpdateCompilation(input, out Compilation output, out _);
        Input = input;
        Output = (CSharpCompilation)output;
        Result = this.driver.GetRunResult().Results.Single();
        sources = new(() => Result.GeneratedSources.IsDefault
            ? ImmutableSortedDictionary<string, string>.Empty
            : Result.GeneratedSources.ToImmutableSortedDictionary(source => source.HintName, source => source.SourceText.ToString(), StringComparer.Ordinal));
    }

    /// <summary>The program as the user wrote it.</summary>
    public CSharpCompilation Input { get; }

    /// <summary>The program with what was generated.</summary>
    public CSharpCompilation Output { get; }

    /// <summary>What Roslyn tells of the run: exception, diagnostics, steps.</summary>
    public GeneratorRunResult Result { get; }

    /// <summary>The generated files, by name.</summary>
    public ImmutableSortedDictionary<string, string> Sources => sources.Value;

    /// <summary>What the C# compiler says of program and generated code together, hidden notes aside.</summary>
    public IEnumerable<Diagnostic> CompilerDiagnostics
    {
        get
        {
            // Documentation is checked in full only where it is written.
            using var image = new MemoryStream();
            using var documentation = new MemoryStream();
            return Output.Emit(image, xmlDocumentationStream: documentation).Diagnostics
                .Where(diagnostic => diagnostic.Severity > DiagnosticSeverity.Hidden);
        }
    }

    /// <summary>A first run.</summary>
    /// <param name="compilation">The program.</param>
    /// <param name="tracksSteps">Whether the run's steps are recorded; Roslyn 4.8 fails over it after some series of broken programs.</param>
    public static GeneratorRun Start(CSharpCompilation compilation, bool tracksSteps = true) => new(
        CSharpGeneratorDriver.Create(
            [new AttentionKernelGenerator().AsSourceGenerator()],
            parseOptions: (CSharpParseOptions?)compilation.SyntaxTrees.FirstOrDefault()?.Options,
            driverOptions: new GeneratorDriverOptions(IncrementalGeneratorOutputKind.None, trackIncrementalGeneratorSteps: tracksSteps)),
        compilation);

    /// <summary>The next run of the same driver, after an edit.</summary>
    public GeneratorRun Next(CSharpCompilation edited) => new(driver, edited);

    /// <summary>What the analyzers say of the program; they see the generated code too, as they do in a compiler.</summary>
    /// <param name="editorConfig">Lines of the program's <c>.editorconfig</c>, for all its files.</param>
    public async Task<ImmutableArray<Diagnostic>> AnalyzeAsync(string editorConfig = "") => await Output
        .WithOptions(Output.Options.WithSyntaxTreeOptionsProvider(new EditorConfig(editorConfig)))
        .WithAnalyzers(Analyzers.All, new CompilationWithAnalyzersOptions(
            new AnalyzerOptions([]), onAnalyzerException: null, concurrentAnalysis: false, logAnalyzerExecutionTime: false))
        .GetAnalyzerDiagnosticsAsync();

    /// <summary>Fails with the diagnostics and the code around them if there is an error or a warning.</summary>
    public GeneratorRun AssertClean()
    {
        Assert.Null(Result.Exception);
        Assert.Empty(CompilerDiagnostics.Select(Describe));
        return this;
    }

    /// <summary>Compiles the program and loads it, to be unloaded when the result is disposed.</summary>
    public LoadedProgram Load()
    {
        AssertClean();
        using var image = new MemoryStream();
        Assert.True(Output.Emit(image).Success);
        image.Position = 0;
        return new LoadedProgram(image);
    }

    private static string Describe(Diagnostic diagnostic)
    {
        string? line = diagnostic.Location.SourceTree?.GetText().Lines.GetLineFromPosition(diagnostic.Location.SourceSpan.Start).ToString();
        return $"{diagnostic}\n    {line?.Trim()}";
    }
}
