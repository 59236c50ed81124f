using System.Collections.Immutable;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Text;

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
            : Result.GeneratedSources.ToImmutableSortedDictionary(
                source => source.HintName, source => source.SourceText.ToString(), StringComparer.Ordinal));
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
    public IEnumerable<Diagnostic> CompilerDiagnostics => Diagnose(Output);

    /// <summary>The same, with what generated files keep quiet.</summary>
    public IEnumerable<Diagnostic> AllDiagnostics => Diagnose(Output.SyntaxTrees.Except(Input.SyntaxTrees).Aggregate(
        Output, (program, tree) => program.ReplaceSyntaxTree(tree, tree.WithChangedText(
            SourceText.From(
                tree.ToString().Replace("#pragma warning disable\n", "", StringComparison.Ordinal), System.Text.Encoding.UTF8)))));

    /// <summary>A first run.</summary>
    /// <param name="compilation">The program.</param>
    /// <param name="tracksSteps">
    /// Whether the run's steps are recorded; Roslyn 4.8 fails over it after some series of broken programs.
    /// </param>
    /// <param name="options">What the build tells the generator, or null.</param>
    public static GeneratorRun Start(
        CSharpCompilation compilation, bool tracksSteps = true, AnalyzerConfigOptionsProvider? options = null) => new(
        CSharpGeneratorDriver.Create(
            [new AttentionKernelGenerator().AsSourceGenerator()],
            optionsProvider: options,
            parseOptions: (CSharpParseOptions?)compilation.SyntaxTrees.FirstOrDefault()?.Options,
            driverOptions: new GeneratorDriverOptions(IncrementalGeneratorOutputKind.None, trackIncrementalGeneratorSteps: tracksSteps)),
        compilation);

    /// <summary>The next run of the same driver, after an edit.</summary>
    public GeneratorRun Next(CSharpCompilation edited) => new(driver, edited);

    /// <summary>What the analyzers say of the program; they see the generated code too, as they do in a compiler.</summary>
    /// <param name="editorConfig">Lines of the program's <c>.editorconfig</c>, for all its files.</param>
    /// <param name="extra">What another generator writes into the program.</param>
    public async Task<ImmutableArray<Diagnostic>> AnalyzeAsync(string editorConfig = "", string extra = "") => await Output
        .AddSyntaxTrees(CSharpSyntaxTree.ParseText(extra, (CSharpParseOptions)Input.SyntaxTrees[0].Options, path: "Extra.g.cs"))
        .WithOptions(Output.Options.WithSyntaxTreeOptionsProvider(new EditorConfig(editorConfig)))
        .WithAnalyzers(Analyzers.All, new CompilationWithAnalyzersOptions(
            new AnalyzerOptions([]), onAnalyzerException: null, concurrentAnalysis: false, logAnalyzerExecutionTime: false))
        .GetAnalyzerDiagnosticsAsync();

    /// <summary>
    /// Fails with the diagnostics and the code around them if there is an error or a warning, even one that nobody would be told.
    /// </summary>
    public GeneratorRun AssertClean()
    {
        Assert.Null(Result.Exception);
        Assert.Empty(AllDiagnostics.Select(Describe));
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

    private static IEnumerable<Diagnostic> Diagnose(CSharpCompilation program)
    {
        // Documentation is checked in full only where it is written.
        using var image = new MemoryStream();
        using var documentation = new MemoryStream();
        return program.Emit(image, xmlDocumentationStream: documentation).Diagnostics
            .Where(diagnostic => diagnostic.Severity > DiagnosticSeverity.Hidden);
    }

    private static string Describe(Diagnostic diagnostic)
    {
        string? line = diagnostic.Location.SourceTree?.GetText().Lines.GetLineFromPosition(diagnostic.Location.SourceSpan.Start).ToString();
        return $"{diagnostic}\n    {line?.Trim()}";
    }
}
