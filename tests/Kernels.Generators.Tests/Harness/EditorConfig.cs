using Microsoft.CodeAnalysis;

namespace Kernels.Generators.Tests.Harness;

/// <summary>Severities from an <c>.editorconfig</c>, as a compiler takes them.</summary>
/// <param name="lines">Its lines for all C# files.</param>
internal sealed class EditorConfig(string lines) : SyntaxTreeOptionsProvider
{
    private static readonly string Folder = OperatingSystem.IsWindows() ? "C:/" : "/";

    private readonly AnalyzerConfigSet configs = AnalyzerConfigSet.Create(
        new[] { AnalyzerConfig.Parse($"root = true\n[*.cs]\n{lines}\n", Folder + ".editorconfig") });

    public override GeneratedKind IsGenerated(SyntaxTree tree, CancellationToken cancellation) => GeneratedKind.Unknown;

    public override bool TryGetDiagnosticValue(SyntaxTree tree, string id, CancellationToken cancellation, out ReportDiagnostic severity) =>
        configs.GetOptionsForSourcePath(Folder + tree.FilePath).TreeOptions.TryGetValue(id, out severity);

    public override bool TryGetGlobalDiagnosticValue(string id, CancellationToken cancellation, out ReportDiagnostic severity) =>
        configs.GlobalConfigOptions.TreeOptions.TryGetValue(id, out severity);
}
