using System.Collections.Immutable;
using Kernels.CodeFixes;
using Kernels.Generators.Diagnostics;
using Kernels.Generators.Mods;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CodeActions;
using Microsoft.CodeAnalysis.CodeFixes;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.Diagnostics;

namespace Kernels.Generators.Tests.Harness;

/// <summary>A program open in an editor: the analyzer's findings, and the code fixes offered for them.</summary>
internal sealed class Editor
{
    private readonly Project project;

    private Editor(Project project, ImmutableArray<Diagnostic> findings)
    {
        this.project = project;
        Findings = findings;
    }

    /// <summary>What the analyzer says, in the order of the source.</summary>
    public ImmutableArray<Diagnostic> Findings { get; }

    public static Task<Editor> OpenAsync(params string[] sources)
    {
        var program = new UserProgram(sources);
        Project project = new AdhocWorkspace()
            .AddProject("Program", LanguageNames.CSharp)
            .WithCompilationOptions(new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary))
            .WithParseOptions(program.ParseOptions)
            .WithMetadataReferences(References.For(contract: true, runtime: true));
        for (int i = 0; i < sources.Length; i++)
        {
            project = project.AddDocument($"Program{i}.cs", sources[i]).Project;
        }

        return OpenAsync(project);
    }

    /// <summary>The actions that are offered, each with its finding.</summary>
    public async Task<IReadOnlyList<(Diagnostic Diagnostic, CodeAction Action)>> ActionsAsync()
    {
        var actions = new List<(Diagnostic, CodeAction)>();
        foreach (Diagnostic finding in Findings)
        {
            if (ProviderOf(finding.Id) is { } provider)
            {
                var context = new CodeFixContext(
                    Document(finding), finding, (action, diagnostics) => actions.Add((Assert.Single(diagnostics), action)),
                    CancellationToken.None);
                await provider.RegisterCodeFixesAsync(context);
            }
        }

        return actions;
    }

    /// <summary>Takes an action by its title, of several the last.</summary>
    public async Task<Editor> ApplyAsync(string title) => await ApplyAsync(await FindAsync(title));

    /// <summary>Takes an action wherever in the solution a rule is broken.</summary>
    public async Task<Editor> ApplyToAllAsync(string id, string title)
    {
        CodeFixProvider provider = ProviderOf(id)!;
        CodeAction one = await FindAsync(title);
        var context = new FixAllContext(
            project.Documents.First(), provider, FixAllScope.Solution, one.EquivalenceKey!, [id], new FoundDiagnostics(this),
            CancellationToken.None);
        CodeAction? all = await provider.GetFixAllProvider()!.GetFixAsync(context);
        Assert.NotNull(all);
        return await ApplyAsync(all);
    }

    /// <summary>The text of a document.</summary>
    public async Task<string> TextAsync(int document = 0) => (await project.Documents.ElementAt(document).GetTextAsync()).ToString();

    private static async Task<Editor> OpenAsync(Project project)
    {
        Compilation compilation = (await project.GetCompilationAsync())!;
        ImmutableArray<Diagnostic> findings = await compilation.WithAnalyzers([new AttentionSpecAnalyzer(), new ModAnalyzer()])
            .GetAnalyzerDiagnosticsAsync();
        return new Editor(
            project,
            [.. findings.OrderBy(finding => finding.Location.SourceSpan.Start).ThenBy(finding => finding.Id, StringComparer.Ordinal)]);
    }

    private static CodeFixProvider? ProviderOf(string id) =>
        new CodeFixProvider[] { new AttentionSpecCodeFixProvider(), new ModCodeFixProvider() }.FirstOrDefault(
            provider => provider.FixableDiagnosticIds.Contains(id));

    private async Task<CodeAction> FindAsync(string title)
    {
        IReadOnlyList<(Diagnostic, CodeAction Action)> actions = await ActionsAsync();
        Assert.Contains(title, actions.Select(found => found.Action.Title));
        return actions.Last(found => found.Action.Title == title).Action;
    }

    private async Task<Editor> ApplyAsync(CodeAction action)
    {
        ImmutableArray<CodeActionOperation> operations = await action.GetOperationsAsync(CancellationToken.None);
        Solution changed = Assert.IsType<ApplyChangesOperation>(Assert.Single(operations)).ChangedSolution;
        return await OpenAsync(changed.GetProject(project.Id)!);
    }

    private Document Document(Diagnostic finding) => project.GetDocument(finding.Location.SourceTree)!;

    private sealed class FoundDiagnostics(Editor editor) : FixAllContext.DiagnosticProvider
    {
        public override Task<IEnumerable<Diagnostic>> GetAllDiagnosticsAsync(Project project, CancellationToken cancellationToken) =>
            Task.FromResult<IEnumerable<Diagnostic>>(editor.Findings);

        public override Task<IEnumerable<Diagnostic>> GetDocumentDiagnosticsAsync(Document document, CancellationToken cancellationToken) =>
            Task.FromResult(editor.Findings.Where(finding => editor.Document(finding).Id == document.Id));

        public override Task<IEnumerable<Diagnostic>> GetProjectDiagnosticsAsync(Project project, CancellationToken cancellationToken) =>
            Task.FromResult<IEnumerable<Diagnostic>>([]);
    }
}
