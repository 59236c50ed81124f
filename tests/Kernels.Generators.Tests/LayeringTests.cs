using System.Text.RegularExpressions;
using Kernels.Generators.Tests.Harness;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Kernels.Generators.Tests;

/// <summary>Who may name whom: the folders of each project, and the folders whose types they use.</summary>
public sealed class LayeringTests
{
    /// <summary>
    /// Of a project, each folder ("." is the project's own) with those that it may use; its parent and what lies in it count as others.
    /// </summary>
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
                // Only the list of targets names them.
                "Targets: Emit Emit/Text Specs Targets/Cpu Targets/Sm90 Targets/Sm80 Targets/Portable",
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
        {
            "src/Kernels.Decoding",
            [
                "Checkpoints: Attention Checkpoints/Gguf Checkpoints/Rows Layers Models", // a configuration names its family and geometry
                "Checkpoints/Rows: Checkpoints Layers",
                "Checkpoints/Gguf: Checkpoints Checkpoints/Rows Layers Models Tokenizers", // one file has all of a checkpoint
                "Tokenizers: Chat Checkpoints Checkpoints/Gguf Models",
                "Chat: Chat/Jinja Checkpoints Checkpoints/Gguf Constraints Library Tokenizers",
                "Chat/Jinja: Chat",
                "Constraints: Generation Tokenizers",
                "Layers: Checkpoints Generation Models/Parts",
                "Attention: Checkpoints Layers Models",
                "Models: Attention Checkpoints Checkpoints/Rows Generation Layers Models/Architectures Models/Parts Tokenizers",
                "Models/Parts: Attention Checkpoints Layers Models",
                "Models/Architectures: Attention Checkpoints Layers Models Models/Parts",
                "Generation: Checkpoints Models Tokenizers",
                "Engine: Checkpoints Constraints Generation Models Tokenizers", // it knows no text that is a chat
                "Library: Attention Chat Checkpoints Constraints Engine Generation Models Tokenizers",
                "Extensions: Chat Constraints Engine Generation Library", // what a user of the library could do too
            ]
        },
    };

    [Theory]
    [MemberData(nameof(Projects))]
    public void FoldersUseOnlyThoseThatTheyMay(string project, string[] rules)
    {
        string root = Path.Combine(RepositoryFolder.Root, project);
        Check(
            [
                .. Sources(root).Select(file => (
                    Path.GetRelativePath(root, Path.GetDirectoryName(file)!).Replace('\\', '/'),
                    CSharpSyntaxTree.ParseText(File.ReadAllText(file)).GetCompilationUnitRoot())),
            ],
            rules);
    }

    /// <summary>
    /// Of a project, the namespaces beside System's and its own that its files may take in: references bring theirs with them.
    /// </summary>
    public static TheoryData<string, string[]> Namespaces => new()
    {
        { "src/Kernels", [] },
        { "src/Kernels.OpenCL", ["Kernels.Planning", "Silk.NET"] },
        { "src/Kernels.Compilation", ["compiler"] }, // the compiler, by an alias
        { "src/Kernels.Decoding", ["Kernels.OpenCL", "Microsoft.Extensions.AI", "Microsoft.Extensions.DependencyInjection"] },
        { "src/Kernels.Serving",
            ["Kernels.Decoding", "Microsoft.AspNetCore", "Microsoft.Extensions.Hosting", "Microsoft.Extensions.Logging"] },
        { "generators/Kernels.Compiler", [] }, // without Roslyn
        { "generators/Kernels.Generators", ["Kernels.Compiler", "Microsoft.CodeAnalysis"] },
        { "generators/Kernels.CodeFixes", ["Kernels.Compiler.Specs", "Kernels.Generators", "Microsoft.CodeAnalysis"] },
    };

    [Theory]
    [MemberData(nameof(Namespaces))]
    public void ProjectsTakeInOnlyNamespacesThatTheyMay(string project, string[] allowed)
    {
        string root = Path.Combine(RepositoryFolder.Root, project);
        string[] namespaces = [.. allowed, "System", Path.GetFileName(project)];
        IEnumerable<(string File, string Name)> inCode = Sources(root).SelectMany(file =>
            CSharpSyntaxTree.ParseText(File.ReadAllText(file)).GetCompilationUnitRoot().DescendantNodes().OfType<UsingDirectiveSyntax>()
                .Select(taken => (Path.GetRelativePath(root, file), Regex.Replace($"{taken.NamespaceOrType}", "<.*", ""))));
        IEnumerable<(string File, string Name)> inProject = Directory.EnumerateFiles(root, "*.csproj").SelectMany(file =>
            Regex.Matches(File.ReadAllText(file), "<Using Include=\"([^\"]+)\"")
            .Select(taken => (Path.GetFileName(file), taken.Groups[1].Value)));
        Assert.Empty(inCode.Concat(inProject)
            .Where(taken => !namespaces.Any(name =>
                taken.Name == name || taken.Name.StartsWith(name + ".", StringComparison.Ordinal)
                || taken.Name.StartsWith(name + "::", StringComparison.Ordinal)))
            .Select(taken => $"{taken.File}: {taken.Name}"));
    }

    private static IEnumerable<string> Sources(string root) => Directory.EnumerateFiles(root, "*.cs", SearchOption.AllDirectories)
        .Where(file => !Path.GetRelativePath(root, file).Split(Path.DirectorySeparatorChar).Any(part => part is "obj" or "bin"));

    private static void Check((string Room, CompilationUnitSyntax Tree)[] files, string[] rules)
    {
        // Names that several rooms declare tell nothing.
        Dictionary<string, string> owners = files
            .SelectMany(file => file.Tree.DescendantNodes().OfType<BaseTypeDeclarationSyntax>()
                .Where(type => type.Parent is BaseNamespaceDeclarationSyntax)
                .Select(type => (Name: type.Identifier.ValueText, file.Room)))
            .GroupBy(type => type.Name)
            .Where(group => group.Select(type => type.Room).Distinct().Count() == 1)
            .ToDictionary(group => group.Key, group => group.First().Room);
        Dictionary<string, HashSet<string>> allowed = rules.Select(rule => rule.Split(": "))
            .ToDictionary(rule => rule[0], rule => rule[1].Split(' ').ToHashSet());
        string[] breaches =
        [
            .. files.SelectMany(file => file.Tree.DescendantNodes().OfType<SimpleNameSyntax>()
                .Where(IsFirst)
                .Select(name => name.Identifier.ValueText)
                .Where(name => owners.TryGetValue(name, out string? owner) && owner != file.Room
                    && !(allowed.TryGetValue(file.Room, out HashSet<string>? others) && others.Contains(owner)))
                .Select(name => $"{file.Room} uses {name} of {owners[name]}")).Distinct(),
        ];
        Assert.True(breaches.Length == 0, string.Join("\n", breaches));
        Assert.All(allowed.Keys, room => Assert.Contains(files, file => file.Room == room));
    }

    /// <summary>Whether a name is not what follows a dot, nor a parameter's.</summary>
    private static bool IsFirst(SimpleNameSyntax name) => name.Parent switch
    {
        MemberAccessExpressionSyntax access => access.Expression == name,
        NameColonSyntax => false,
        _ => true,
    };
}
