using Kernels.Generators.Tests.Harness;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Kernels.Generators.Tests;

/// <summary>The form of all C# here: lines that fit beside another file, and a type where its name says.</summary>
public sealed class SourceTests
{
    private const int Columns = 140;

    // Of tests and programs: a JSON document or a message is read as one; so is a name that is meant to be long.
    private const int ColumnsOfText = 100;

    // Each option's value stands beside the option.
    private const string SharedRecord = "OptionValues";

    // Types whose names and places are odd on purpose.
    private const string OddTypes = "OddTypes.cs";

    /// <summary>Every folder with a project in it.</summary>
    public static TheoryData<string> Projects =>
    [
        .. new[] { "src", "generators", "examples", "tests" }
            .SelectMany(top => Directory.EnumerateFiles(Path.Combine(RepositoryFolder.Root, top), "*.csproj", SearchOption.AllDirectories))
            .Select(file => Path.GetRelativePath(RepositoryFolder.Root, Path.GetDirectoryName(file)!).Replace('\\', '/'))
            .Where(folder => !folder.Split('/').Any(part => part is "obj" or "bin"))
            .Order(StringComparer.Ordinal),
    ];

    [Theory]
    [MemberData(nameof(Projects))]
    public void LinesHaveAtMost140Columns(string project) => Assert.Empty(Files(project).SelectMany(file =>
    {
        // Text that is emitted has its own width.
        HashSet<int> emitted = [.. file.Root.DescendantTokens().Where(IsText).SelectMany(token => LinesOf(token.GetLocation()))];
        if (project.StartsWith("tests/", StringComparison.Ordinal) || project.StartsWith("examples/", StringComparison.Ordinal))
        {
            emitted.UnionWith(file.Root.DescendantNodesAndTokens()
                .Where(part => part.Span.Length > ColumnsOfText && (part.IsToken || part.IsKind(SyntaxKind.InterpolatedStringExpression)))
                .SelectMany(part => LinesOf(part.GetLocation()!)));
        }

        return file.Root.GetText().Lines
            .Where(line => line.End - line.Start > Columns && !emitted.Contains(line.LineNumber))
            .Select(line => $"{file.Path}:{line.LineNumber + 1}");
    }));

    [Theory]
    [MemberData(nameof(Projects))]
    public void AFileHasTheTypeOfItsName(string project) => Assert.Empty(Files(project).SelectMany(file =>
    {
        string name = Path.GetFileName(file.Path).Split('.', '{')[0];
        return file.Root.DescendantNodes()
            .Where(node => node.Parent is BaseNamespaceDeclarationSyntax or CompilationUnitSyntax)
            .Select(node => node switch
            {
                BaseTypeDeclarationSyntax type when IsSpec(type) => name,
                BaseTypeDeclarationSyntax type => type.Identifier.ValueText,
                DelegateDeclarationSyntax type => type.Identifier.ValueText,
                _ => name,
            })
            .Where(type => type != name && type != SharedRecord && Path.GetFileName(file.Path) != OddTypes)
            .Select(type => $"{type} in {file.Path}");
    }));

    /// <summary>Whether a type is a declaration of attention; of these a file may have a list.</summary>
    private static bool IsSpec(BaseTypeDeclarationSyntax type) => type.AttributeLists.SelectMany(list => list.Attributes)
        .Any(attribute => $"{attribute.Name}".Split('.')[^1] is "AttentionKernel" or "AttentionKernelAttribute" or "Att");

    private static bool IsText(SyntaxToken token) =>
        token.IsKind(SyntaxKind.MultiLineRawStringLiteralToken) || token.IsKind(SyntaxKind.Utf8MultiLineRawStringLiteralToken)
        || (token.IsKind(SyntaxKind.InterpolatedStringTextToken)
            && token.Parent?.Parent is InterpolatedStringExpressionSyntax text
            && text.StringStartToken.IsKind(SyntaxKind.InterpolatedMultiLineRawStringStartToken));

    private static IEnumerable<int> LinesOf(Location location)
    {
        FileLinePositionSpan span = location.GetLineSpan();
        return Enumerable.Range(span.StartLinePosition.Line, span.EndLinePosition.Line - span.StartLinePosition.Line + 1);
    }

    private static IEnumerable<(string Path, CompilationUnitSyntax Root)> Files(string project)
    {
        string root = Path.Combine(RepositoryFolder.Root, project);
        return Directory.EnumerateFiles(root, "*.cs", SearchOption.AllDirectories)
            .Select(file => (Path: Path.GetRelativePath(root, file), File: file))
            .Where(file => !file.Path.Split(Path.DirectorySeparatorChar).Any(part => part is "obj" or "bin"))
            .Select(file => (file.Path, CSharpSyntaxTree.ParseText(File.ReadAllText(file.File)).GetCompilationUnitRoot()));
    }
}
