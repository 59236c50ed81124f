using Kernels.Generators.Tests.Harness;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Kernels.Generators.Tests;

/// <summary>Who may name whom: the folders of each project, and the folders whose types they use.</summary>
public sealed class LayeringTests
{
    /// <summary>Of a project, each folder ("." is the project's own) with those that it may use; its parent and what lies in it count as others.</summary>
    public static TheoryData<string, string[]> Projects => new()
    {
        {
            "generators/Kernels.Compiler",
            [
                "Specs: . Options Targets Targets/Portable", // the validator asks whether a tile fits local memory
                "Options: Emit Emit/Scores Emit/Text Specs",
                "Emit/Text: Emit",
                "Emit/Addressing: Emit Specs",
                "Emit/Codecs: Emit Emit/Text Specs",
                "Emit/Scores: . Emit Emit/Codecs Emit/Text Options Specs",
                "Emit/Algorithms: Emit Emit/Scores Emit/Text Specs Targets",
                "Emit: Emit/Addressing Emit/Algorithms Emit/Codecs Emit/Scores Emit/Text Options Specs Targets",
                "Targets: Emit Emit/Text Specs Targets/Cpu Targets/Sm90 Targets/Sm80 Targets/Portable", // only the list of targets names them
                "Targets/Portable: Emit Emit/Codecs Emit/Text Specs Targets",
                "Targets/Cpu: Emit Emit/Text Specs Targets",
                "Targets/Sm80: Emit Emit/Text Specs Targets",
                "Targets/Sm90: Emit Emit/Text Specs Targets Targets/Sm80", // it takes sm80's kernels where its own would be the same
            ]
        },
        {
            "generators/Kernels.Generators",
            [
                ".: Parsing Writing",
                "Parsing: Diagnostics Mods Writing",
                "Mods: Diagnostics Parsing Writing",
                "Writing: Mods Parsing",
                "Diagnostics: Mods Parsing Writing",
            ]
        },
        {
            "src/Kernels",
            [
                "Options: . Contract",
                "Contract: . Contract/Options Options",
                "Contract/Options: Contract Options",
                "Planning: . Contract Contract/Options Options",
                "Paging: . Contract Planning",
                "Reference: . Contract Options Planning",
                "Costs: . Contract Options",
                ".: Contract Options",
            ]
        },
        {
            "src/Kernels.OpenCL",
            [
                "Native: Devices",
                "Errors: Devices Memory Native",
                "Memory: Devices Errors Native",
                "Execution: Devices Errors Memory Native",
                "Devices: Checking Errors Execution Memory Native Targets Tuning", // a device holds its queue, programs and tuning
                "Targets: Devices Errors Execution",
                "Checking: Devices Execution Memory",
                "Profiling: Devices Execution Memory Targets",
                "Attention: Attention/Inputs Checking Devices Errors Execution Memory Paging Targets Tuning",
                "Attention/Inputs: Attention Execution Memory Tuning",
                "Paging: Attention Devices Errors Execution Memory",
                "Tuning: Attention Attention/Inputs Devices Errors Execution Memory Paging",
            ]
        },
    };

    [Theory]
    [MemberData(nameof(Projects))]
    public void FoldersUseOnlyThoseThatTheyMay(string project, string[] rules)
    {
        string root = Path.Combine(RepositoryFolder.Root, project);
        (string Folder, CompilationUnitSyntax Tree)[] files =
        [
            .. Directory.EnumerateFiles(root, "*.cs", SearchOption.AllDirectories)
                .Where(file => !Path.GetRelativePath(root, file).Split(Path.DirectorySeparatorChar).Any(part => part is "obj" or "bin"))
                .Select(file => (
                    Path.GetRelativePath(root, Path.GetDirectoryName(file)!).Replace('\\', '/'),
                    CSharpSyntaxTree.ParseText(File.ReadAllText(file)).GetCompilationUnitRoot())),
        ];

        // Names that several folders declare tell nothing.
        Dictionary<string, string> owners = files
            .SelectMany(file => file.Tree.DescendantNodes().OfType<BaseTypeDeclarationSyntax>().Where(type => type.Parent is BaseNamespaceDeclarationSyntax)
                .Select(type => (Name: type.Identifier.ValueText, file.Folder)))
            .GroupBy(type => type.Name)
            .Where(group => group.Select(type => type.Folder).Distinct().Count() == 1)
            .ToDictionary(group => group.Key, group => group.First().Folder);
        Dictionary<string, HashSet<string>> allowed = rules.Select(rule => rule.Split(": "))
            .ToDictionary(rule => rule[0], rule => rule[1].Split(' ').ToHashSet());
        string[] breaches =
        [
            .. files.SelectMany(file => file.Tree.DescendantNodes().OfType<SimpleNameSyntax>()
                .Where(name => name.Parent is not (MemberAccessExpressionSyntax or NameColonSyntax) || (name.Parent is MemberAccessExpressionSyntax access && access.Expression == name))
                .Select(name => name.Identifier.ValueText)
                .Where(name => owners.TryGetValue(name, out string? owner) && owner != file.Folder && !allowed[file.Folder].Contains(owner))
                .Select(name => $"{file.Folder} uses {name} of {owners[name]}")).Distinct(),
        ];
        Assert.True(breaches.Length == 0, string.Join("\n", breaches));
        Assert.All(allowed.Keys, folder => Assert.Contains(files, file => file.Folder == folder));
    }
}
